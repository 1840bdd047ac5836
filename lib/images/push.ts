/** An image of the store to a registry: blobs that are missing there, then the manifest. */
import { Readable } from "node:stream";

import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/manifest.ts";
import { type Reference, canonical, familiar } from "../oci/reference.ts";
import type { Credentials } from "../registry/credentials.ts";
import { lock } from "../store/lock.ts";
import type { ImageEntry } from "../store/references.ts";
import { inParallel } from "../util/in-parallel.ts";
import { asOciLayer, checkDigest, composeManifest } from "./archived-image.ts";
import { clearStaleDrafts, openDraft } from "./drafts.ts";
import { type ImageContent, readImage } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import { keepBlob } from "./kept-blob.ts";
import { type ImageLister, MountSources, type Repository } from "./mount-sources.ts";
import type { ImageFinder } from "./pick.ts";
import type { OnProgress } from "./progress.ts";
import { repoDigest } from "./repo-digests.ts";
import { type TaggedReference, findPushed, taggedReferences } from "./pushed-names.ts";
import {
  type BlobTarget,
  type PushCompression,
  type PushContext,
  type PushedLayer,
  compressLayer,
  pushLayer,
} from "./pushed-layer.ts";
import { telling } from "./telling.ts";

/** Layers that are compressed or uploaded at the same time. */
const LAYERS_AT_ONCE = 3;

export interface PushOptions {
  /**
   * What becomes of layers that are plain tars, as those of `docker save` are: the image keeps its
   * id, but its manifest is another, with a digest of its own. Default: `gzip`.
   */
  readonly compression?: PushCompression | undefined;
  /** In place of what is found in the files that `login` writes. */
  readonly auth?: Credentials | undefined;
  /** False: certificates are not checked, and plain HTTP will do. */
  readonly tlsVerify?: boolean | undefined;
  /** What it throws ends the push. */
  readonly onProgress?: OnProgress | undefined;
  /** What was uploaded by then stays there for the next push. */
  readonly signal?: AbortSignal | undefined;
}

export interface PushedImage {
  readonly id: Digest;
  /** `localhost:5000/lunch:latest` */
  readonly name: string;
  /** Of the manifest as it is in the registry. */
  readonly digest: Digest;
  /** Of the manifest, in bytes. */
  readonly size: number;
}

/** What this needs of a registry's client. */
export interface PushTarget extends BlobTarget {
  putManifest(
    reference: string,
    bytes: Uint8Array,
    options: { readonly mediaType: string; readonly signal?: AbortSignal },
  ): Promise<Digest>;
}

/** What this needs of all registries. */
export interface PushTargets {
  repository(
    name: Repository,
    access: {
      readonly mode: "push";
      readonly auth?: Credentials | undefined;
      readonly tlsVerify?: boolean | undefined;
    },
  ): PushTarget;
}

/** Who knows the images of the store. */
export type PushFinder = ImageFinder & ImageLister;

export interface PushRequest {
  readonly name: string;
  readonly targets: PushTargets;
  readonly options: PushOptions;
  /** Called for each image that is there, before the next one begins. */
  readonly onPushed?: (image: PushedImage) => void;
}

/**
 * By name: the tag that is said, or `latest`. What is there is neither sent again nor looked at.
 * The manifest comes last: until then nothing in the registry has changed for those who pull.
 * Throws `NOT_FOUND`, `INVALID_ARGUMENT` for an id or digest, `CORRUPT` for a damaged image, and
 * what the registry has to say. Whatever fails or is aborted, what was uploaded stays there for
 * the next push.
 */
export async function push(
  store: ImageStore,
  finder: PushFinder,
  request: PushRequest,
): Promise<PushedImage> {
  const { name, options } = request;
  const reference = await findPushed(store, finder, name);
  return telling(options, (tell, signal) =>
    pushReference(store, finder, { ...request, reference, tell, signal }),
  );
}

/** All tags of a repository that the store has, one after the other. Throws `NOT_FOUND`. */
export async function pushAll(
  store: ImageStore,
  finder: PushFinder,
  request: PushRequest,
): Promise<readonly PushedImage[]> {
  const { name, options } = request;
  const references = await taggedReferences(store, name);
  return telling(options, async (tell, signal) => {
    const pushed: PushedImage[] = [];
    for (const reference of references) {
      pushed.push(await pushReference(store, finder, { ...request, reference, tell, signal }));
    }
    return pushed;
  });
}

interface OnePush extends Omit<PushRequest, "name"> {
  readonly reference: TaggedReference;
  readonly tell: OnProgress;
  readonly signal: AbortSignal;
}

async function pushReference(
  store: ImageStore,
  finder: PushFinder,
  { reference, targets, options, tell, signal, onPushed }: OnePush,
): Promise<PushedImage> {
  const { compression = "gzip", auth, tlsVerify } = options;
  tell({ reference: canonical(reference), phase: "preparing" });
  await clearStaleDrafts(store.paths).catch(() => undefined); // the next one's, then
  await using draft = await openDraft(store.paths, signal);
  const image = await keepImage(store, reference, { draft: draft.path, signal });
  const target = targets.repository(reference, {
    mode: "push",
    ...(auth !== undefined && { auth }),
    ...(tlsVerify !== undefined && { tlsVerify }),
  });
  const context = { target, sources: new MountSources(finder, reference), tell };
  const layers = await pushLayers(image, context, { compression, draft: draft.path, signal });
  await pushConfig(image, target, signal);
  const { bytes, descriptor } = manifestOf(image, layers);
  const { digest, mediaType, size } = descriptor;
  checkDigest(await target.putManifest(reference.tag, bytes, { mediaType, signal }), digest);
  await noteDigest(store, image.entry, repoDigest(reference, digest));
  tell({ reference: canonical(reference), phase: "done", digest, totalBytes: size });
  const pushed = { id: image.content.id, name: familiar(reference), digest, size };
  onPushed?.(pushed);
  return pushed;
}

/** All of an image that is to be pushed, safe from whoever removes it meanwhile. */
interface KeptImage {
  readonly entry: ImageEntry;
  readonly content: ImageContent;
  readonly config: Uint8Array;
  readonly manifest: Uint8Array;
  readonly layers: readonly PushedLayer[];
}

async function keepImage(
  store: ImageStore,
  reference: Reference,
  { draft, signal }: { readonly draft: string; readonly signal: AbortSignal },
): Promise<KeptImage> {
  await using _held = await lock(store.paths.lock("images"), { mode: "shared", signal });
  const name = familiar(reference);
  const entry = (await store.references.list()).find((one) => one.name === name);
  if (entry === undefined) {
    throw new MarmitaError("NOT_FOUND", `no such image: ${name}`, { details: { image: name } });
  }
  const content = await readImage(store.blobs, entry.descriptor);
  const layers: PushedLayer[] = [];
  for (const layer of content.layers) {
    layers.push({ ...layer, file: await keepBlob(store, layer.descriptor, draft) });
  }
  return {
    entry,
    content,
    config: await store.blobs.read(content.id, CONFIG_LIMIT_BYTES),
    manifest: await store.blobs.read(content.digest, MANIFEST_LIMIT_BYTES),
    layers,
  };
}

interface LayerOptions {
  readonly compression: PushCompression;
  readonly draft: string;
  readonly signal: AbortSignal;
}

/** Resolves to what the layers are in the registry, bottom first. An image may have one twice. */
async function pushLayers(
  { layers }: KeptImage,
  context: PushContext,
  { signal, ...options }: LayerOptions,
): Promise<readonly Descriptor[]> {
  const distinct = new Map(layers.map((layer) => [layer.descriptor.digest, layer]));
  for (const layer of distinct.keys()) context.tell({ layer, phase: "preparing" });
  const pushed = new Map<Digest, Descriptor>();
  const pooled = { atOnce: LAYERS_AT_ONCE, signal };
  await inParallel(distinct, pooled, async ([digest, layer], both) => {
    const compressed = await compressLayer(layer, { ...options, signal: both });
    await pushLayer(compressed, context, { signal: both, as: digest });
    pushed.set(digest, compressed.descriptor);
  });
  return layers.map(({ descriptor }) => pushed.get(descriptor.digest) ?? descriptor);
}

async function pushConfig(
  { content, config }: KeptImage,
  target: PushTarget,
  signal: AbortSignal,
): Promise<void> {
  if ((await target.hasBlob(content.id, { signal })) !== undefined) return;
  const open = (offset: number) => Readable.from([config.subarray(offset)]);
  await target.uploadBlob(content.manifest.config, open, { signal });
}

/** The image's own, unless one of its layers is another blob there. */
function manifestOf(
  { content, config, manifest }: KeptImage,
  layers: readonly Descriptor[],
): { readonly bytes: Uint8Array; readonly descriptor: Descriptor } {
  const isSame = content.layers.every(({ descriptor }, at) => {
    return layers[at]?.digest === descriptor.digest;
  });
  if (isSame) {
    const { mediaType } = content.manifest;
    const descriptor = { mediaType, digest: content.digest, size: manifest.length };
    return { bytes: manifest, descriptor };
  }
  const { annotations } = content.manifest;
  return composeManifest({ config, layers: layers.map(asOciLayer), annotations });
}

/** Unless the image was removed meanwhile: then nobody wants to know. */
async function noteDigest(
  { paths, references }: ImageStore,
  { descriptor }: ImageEntry,
  noted: string,
): Promise<void> {
  await using _held = await lock(paths.lock("images"), { mode: "shared" });
  const entries = await references.list();
  if (!entries.some((entry) => entry.descriptor.digest === descriptor.digest)) return;
  await references.set({ name: undefined, descriptor, repoDigests: [noted] });
}
