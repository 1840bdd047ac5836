/** An image from a registry into the store: `docker pull`. */
import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { type Platform, hostPlatform, parsePlatformText } from "../oci/platform.ts";
import { type Reference, canonical, familiar, findReference, hasTag } from "../oci/reference.ts";
import type { Credentials } from "../registry/credentials.ts";
import { throwIfAborted } from "../util/abort.ts";
import { addImages } from "./add.ts";
import { LONGEST_KEPT_MS, removeDownloads } from "./download-garbage.ts";
import { Downloads, isUseless } from "./downloads.ts";
import type { ImageContent } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import type { OnProgress } from "./progress.ts";
import type { PullOptions } from "./pull-options.ts";
import { fetchLayers } from "./pulled-layers.ts";
import { type ManifestSource, findKnown, findRemoteImage } from "./pulled-manifest.ts";
import type { BlobSource } from "./receive.ts";
import { repoDigest } from "./repo-digests.ts";
import { candidatesOf, firstThere } from "./short-names.ts";
import { telling } from "./telling.ts";

/** One repository of a registry, to pull from. */
export interface PullSource extends ManifestSource, BlobSource {
  tags(options: { readonly signal?: AbortSignal }): AsyncIterable<string>;
}

export interface PullAccess {
  readonly auth?: Credentials | undefined;
  readonly tlsVerify?: boolean | undefined;
  readonly mode: "pull";
}

/** Who knows registries. */
export interface PullSources {
  repository(
    name: { readonly domain: string; readonly path: string },
    access: PullAccess,
  ): PullSource;
}

export interface PullRequest extends PullOptions {
  readonly sources: PullSources;
  /** Registries that a name without one is looked for in. */
  readonly shortNames: readonly string[];
}

export interface Pulled {
  /** With a tag, or with a digest. */
  readonly reference: Reference;
  readonly remoteDigest: Digest;
  readonly isNew: boolean;
  readonly content: ImageContent;
}

/** Rejects with a `MarmitaError` or an `AbortError`; the name then means what it meant before. */
export async function pullNamed(
  store: ImageStore,
  name: string,
  { shortNames, ...request }: PullRequest,
): Promise<Pulled> {
  const references = candidatesOf(name, shortNames).map(withoutNeedlessTag);
  return firstThere(references, (reference) => pull(store, reference, request));
}

/** A digest says it all. */
function withoutNeedlessTag({ domain, path, ...rest }: Reference): Reference {
  return rest.digest === undefined
    ? { domain, path, ...rest }
    : { domain, path, digest: rest.digest };
}

async function pull(
  store: ImageStore,
  reference: Reference,
  { sources, ...options }: Omit<PullRequest, "shortNames">,
): Promise<Pulled> {
  throwIfAborted(options.signal);
  const { auth, tlsVerify, platform } = options;
  const wanted = platform === undefined ? hostPlatform() : parsePlatformText(platform);
  const source = sources.repository(reference, { auth, tlsVerify, mode: "pull" });
  const name = canonical(reference);
  return telling(options, async (tell, signal) => {
    tell({ reference: name, phase: "resolving" });
    const before = await meantBefore(store, reference);
    const digest = await resolve(store, source, { reference, signal });
    tell({ reference: name, phase: "resolved", digest });
    const request = { reference, digest, wanted, source, options: { ...options, signal }, tell };
    const content = (await findHere(store, request)) ?? (await fetchImage(store, request));
    const isNew = content.digest !== before;
    tell({ reference: name, phase: "done", digest, isNew });
    return { reference, remoteDigest: digest, isNew, content };
  });
}

/** The manifest that the name leads to now. */
async function meantBefore(store: ImageStore, reference: Reference): Promise<Digest | undefined> {
  const entries = await store.references.list();
  const { domain, path, digest } = reference;
  if (digest === undefined) {
    const name = familiar(reference);
    return entries.find((entry) => entry.name === name)?.descriptor.digest;
  }
  const text = canonical({ domain, path, digest });
  return entries.find(({ repoDigests }) => repoDigests?.includes(text))?.descriptor.digest;
}

interface Wanted {
  readonly reference: Reference;
  readonly signal?: AbortSignal | undefined;
}

/** What the name stands for in the registry. What a digest stands for never changes. */
async function resolve(
  store: ImageStore,
  source: PullSource,
  { reference, signal }: Wanted,
): Promise<Digest> {
  const { digest, tag } = reference;
  if (digest !== undefined && (await meantBefore(store, reference)) !== undefined) return digest;
  const asked = digest ?? tag ?? "latest";
  const options = signal === undefined ? {} : { signal };
  const head = await source.headManifest(asked, options);
  if (head !== undefined) return digest ?? head.digest;
  const { descriptor } = await source.getManifest(asked, options); // which tells why not
  return descriptor.digest;
}

interface Request {
  readonly reference: Reference;
  readonly digest: Digest;
  readonly wanted: Platform;
  readonly source: PullSource;
  readonly options: PullOptions;
  readonly tell: OnProgress;
}

/** Everything is here, under that name. */
async function findHere(
  store: ImageStore,
  { reference, digest, wanted }: Request,
): Promise<ImageContent | undefined> {
  const text = repoDigest(reference, digest);
  const name = nameOf(reference);
  const known = await findKnown(store, {
    wanted,
    leadsTo: (entry) =>
      entry.repoDigests?.includes(text) === true && (name === undefined || entry.name === name),
  });
  if (known === undefined || !(await isWhole(store, known.content))) return undefined;
  return known.content;
}

/** The name an image is given: what is pulled by its digest gets none. */
function nameOf(reference: Reference): string | undefined {
  return reference.digest === undefined ? familiar(reference) : undefined;
}

async function isWhole({ blobs, layers }: ImageStore, content: ImageContent): Promise<boolean> {
  for (const { chainId, descriptor } of content.layers) {
    if ((await layers.find(chainId)) === undefined) return false;
    if (!(await blobs.has(descriptor.digest))) return false;
    if ((await blobs.size(descriptor.digest)) !== descriptor.size) return false;
  }
  return true;
}

async function fetchImage(store: ImageStore, request: Request): Promise<ImageContent> {
  const { reference, digest, wanted, source, options, tell } = request;
  const { signal } = options;
  const downloads = new Downloads(store);
  const found = await findRemoteImage(store, source, {
    name: canonical(reference),
    digest,
    wanted,
    downloads,
    signal,
  });
  const name = nameOf(reference);
  const { layers, config } = found.content.manifest;
  const digests = [config, ...layers].map((blob) => blob.digest);
  // The next one's, if it cannot be done.
  await removeDownloads(store.paths, { olderThanMs: LONGEST_KEPT_MS }).catch(() => undefined);
  return addImages(store, { signal }, async ({ draft, add }) => {
    try {
      const atOnce = options.downloads;
      const fetching = { downloads, source, draft, tell, atOnce, signal };
      const { blobs, prepared } = await fetchLayers(store.layers, found.content, fetching);
      await using _prepared = prepared;
      const image = {
        ...found,
        names: name === undefined ? [] : [name],
        repoDigests: [digest, found.descriptor.digest].map((one) => repoDigest(reference, one)),
        takeLayer: async (layer: Descriptor) => blobs.get(layer.digest),
      };
      await add([image], prepared);
    } catch (error) {
      if (isUseless(error)) await downloads.discard(digests);
      throw error;
    }
    await downloads.forget(digests);
    for (const layer of new Set(layers.map((one) => one.digest))) tell({ layer, phase: "done" });
    return found.content;
  });
}

/**
 * Every tag of a repository, one after the other. Throws `INVALID_ARGUMENT` for a name with a tag or
 * a digest.
 */
export async function pullAll(
  store: ImageStore,
  repository: string,
  { shortNames, ...request }: PullRequest,
): Promise<readonly Pulled[]> {
  const candidates = candidatesOf(repository, shortNames);
  if (hasTag(repository) || repository.includes("@")) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `"${repository}": all tags are of a name without one`,
    );
  }
  return firstThere(candidates, async ({ domain, path }) => {
    const { auth, tlsVerify, signal } = request;
    const source = request.sources.repository({ domain, path }, { auth, tlsVerify, mode: "pull" });
    const tags: string[] = [];
    for await (const tag of source.tags(signal === undefined ? {} : { signal })) tags.push(tag);
    const pulled: Pulled[] = [];
    for (const tag of tags) {
      const reference = findReference(canonical({ domain, path, tag }));
      if (reference === undefined) throw noTag(tag);
      pulled.push(await pull(store, reference, request));
    }
    return pulled;
  });
}

function noTag(text: string): MarmitaError {
  const shown = JSON.stringify(text.slice(0, 128));
  return new MarmitaError("CORRUPT", `the registry lists ${shown} as a tag, which is none`);
}
