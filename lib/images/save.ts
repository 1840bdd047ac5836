/** Images of the store into an archive, or into an OCI layout directory. */
import { MarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { parsePlatformText } from "../oci/platform.ts";
import { lock } from "../store/lock.ts";
import { type Document, dockerDocuments, layoutDocuments } from "./archive-documents.ts";
import { writeArchive } from "./archive-writer.ts";
import { openDraft } from "./drafts.ts";
import { type ByteTarget, drainInto } from "./drain.ts";
import type { ImageStore } from "./image-store.ts";
import { writeLayout } from "./layout-writer.ts";
import { blobName } from "./oci-layout.ts";
import { type ImageFinder, type PickOptions, pickImages } from "./pick.ts";
import {
  type PrepareOptions,
  type PreparedImage,
  type SavedBlob,
  prepareImage,
} from "./saved-image.ts";

/**
 * In Podman's words. `docker-archive` is what Docker writes since version 25, an OCI layout with
 * the documents of `docker save` in it: every tool reads it. The others are a layout alone, in a
 * tar or as a directory.
 */
export type SaveFormat = "docker-archive" | "oci-archive" | "oci-dir";

export interface SaveOptions {
  /** Default: `docker-archive`. */
  readonly format?: SaveFormat;
  /**
   * Layers as plain tars, for tools that read no others. The images keep their ids, but not the
   * digests of their manifests. Default: layers stay as they are.
   */
  readonly uncompressed?: boolean;
  /** `linux/arm64`: which image of several, and that it must be for that one. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

export interface SavedImage {
  readonly id: Digest;
  /** Of the manifest in the archive. */
  readonly digest: Digest;
  /** Familiar names; none for an image that was asked for by id or digest. */
  readonly names: readonly string[];
}

/** What was asked for; the same image under several names is one. */
export interface SaveRequest {
  readonly images: readonly string[];
  /** For `oci-dir`, the path of a directory that is empty or not there. */
  readonly target: ByteTarget;
  readonly options: SaveOptions;
}

/** Nothing is written before all that was asked for is known to be there. */
export async function save(
  store: ImageStore,
  finder: ImageFinder,
  { images: asked, target, options }: SaveRequest,
): Promise<readonly SavedImage[]> {
  const { format = "docker-archive", uncompressed = false, signal } = options;
  const platform = options.platform === undefined ? undefined : parsePlatformText(options.platform);
  await using draft = await openDraft(store.paths, signal);
  const images = await prepareAll(store, finder, {
    asked,
    platform,
    uncompressed,
    oci: format !== "docker-archive",
    draft: draft.path,
    signal,
  });
  await write(images, { format, target, signal });
  return images.map(({ id, descriptor, names }) => ({ id, digest: descriptor.digest, names }));
}

/** All of it is in the draft: whoever reads the archive may take his time, and keeps nobody off. */
async function prepareAll(
  store: ImageStore,
  finder: ImageFinder,
  options: PickOptions & PrepareOptions,
): Promise<readonly PreparedImage[]> {
  const { signal } = options;
  await using _held = await lock(store.paths.lock("images"), { mode: "shared", signal });
  const picked = await pickImages(store, finder, options);
  const images: PreparedImage[] = [];
  for (const one of picked) images.push(await prepareImage(store, one, options));
  return images;
}

interface WriteOptions {
  readonly format: SaveFormat;
  readonly target: ByteTarget;
  readonly signal: AbortSignal | undefined;
}

async function write(
  images: readonly PreparedImage[],
  { format, target, signal }: WriteOptions,
): Promise<void> {
  const blobs = distinct(images.flatMap((image) => image.blobs));
  if (format === "oci-dir") {
    if (typeof target !== "string") {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        "the format oci-dir takes the path of a directory",
      );
    }
    return writeLayout(target, { blobs, documents: layoutDocuments(images), signal });
  }
  const docker = format === "docker-archive" ? dockerDocuments(images) : [];
  const documents = [...layoutDocuments(images), ...docker];
  const members = [...blobMembers(blobs), ...documents.toSorted(byName)];
  await drainInto(target, (fd) => writeArchive(members, { fd, signal }), signal);
}

/** The same images are the same bytes, in whatever order they were asked for. */
function distinct(blobs: readonly SavedBlob[]): readonly SavedBlob[] {
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
  return [...byDigest.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}

/** skopeo, as an ordinary user, unpacks no archive without lines for its directories. */
function blobMembers(blobs: readonly SavedBlob[]) {
  return [
    { name: "blobs/" },
    { name: "blobs/sha256/" },
    ...blobs.map(({ digest, file, bytes }) => ({
      name: blobName(digest),
      ...(file === undefined ? { bytes } : { blob: file }),
    })),
  ];
}

function byName(one: Document, other: Document): number {
  return one.name < other.name ? -1 : 1;
}
