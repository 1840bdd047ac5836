/** The blobs of images about to be stored: those that are not there yet, and what keeps the others. */
import { link, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import type { DraftBlob, FileBlobStore } from "../store/blobs.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isMissing } from "../util/system-error.ts";
import type { TakenMember } from "./archive.ts";
import type { NewImage } from "./new-image.ts";

export interface NewBlobs {
  readonly drafts: ReadonlyMap<Digest, DraftBlob>;
  /** Links to those that are there, should they be removed before a name leads to them. */
  readonly kept: readonly DraftBlob[];
}

interface TakeOptions {
  /** A directory on the file system of the store, gone afterwards. */
  readonly draft: string;
  readonly signal?: AbortSignal | undefined;
}

/** Throws `CORRUPT` where an image does not bring a layer that is not there. */
export async function takeBlobs(
  blobs: FileBlobStore,
  images: readonly NewImage[],
  { draft, signal }: TakeOptions,
): Promise<NewBlobs> {
  const drafts = new Map<Digest, DraftBlob>();
  const kept = new Map<Digest, DraftBlob>();
  const take = async (descriptor: Descriptor, make: () => Promise<DraftBlob>) => {
    throwIfAborted(signal);
    const { digest } = descriptor;
    if (drafts.has(digest) || kept.has(digest)) return;
    const there = await linkTo(blobs, descriptor, draft);
    if (there === undefined) drafts.set(digest, await make());
    else kept.set(digest, there);
  };
  for (const image of images) {
    const { content, descriptor, manifest, config } = image;
    for (const layer of content.layers) {
      await take(layer.descriptor, () => takeLayer(image, layer.descriptor));
    }
    await take(content.manifest.config, () => draftOf(config, draft));
    await take(descriptor, () => draftOf(manifest, draft));
  }
  return { drafts, kept: [...kept.values()] };
}

async function takeLayer(image: NewImage, descriptor: Descriptor): Promise<TakenMember> {
  const { digest } = descriptor;
  const taken = await image.takeLayer(descriptor);
  if (taken === undefined) {
    throw new MarmitaError("CORRUPT", `layer ${digest} is missing`, { details: { digest } });
  }
  if (taken.digest === digest) return taken;
  throw new MarmitaError("CORRUPT", `blob ${digest} holds bytes of ${taken.digest}`, {
    details: { expected: digest, actual: taken.digest },
  });
}

async function draftOf(bytes: Uint8Array, directory: string): Promise<DraftBlob> {
  const digest = digestOf(bytes);
  const draft = join(directory, `small-${hexOf(digest)}`);
  await writeFile(draft, bytes, { flag: "wx" });
  return { draft, digest };
}

/** `undefined` for a blob that is not there, or was cut short: it is stored anew. */
async function linkTo(
  blobs: FileBlobStore,
  { digest, size }: Descriptor,
  directory: string,
): Promise<DraftBlob | undefined> {
  const draft = join(directory, `kept-${hexOf(digest)}`);
  try {
    if ((await blobs.size(digest)) !== size) return undefined;
    await link(blobs.path(digest), draft);
    return { draft, digest };
  } catch (error) {
    if (isMissing(error) || isMarmitaError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
