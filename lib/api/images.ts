/** load(), importImage(), save(), pull(), push(), search(), images(), history(), tag() and rmi(): images in, listed, named, and out again. */
import type { RemoveImageOptions } from "../engine/images.ts";
import type { ByteTarget } from "../images/drain.ts";
import type { ByteSource } from "../images/feed.ts";
import type { ImageFilters } from "../images/filter.ts";
import type { ImageHistoryEntry } from "../images/history.ts";
import type { Image } from "../images/image.ts";
import type { ImportOptions } from "../images/import.ts";
import type { LoadOptions, LoadedImage } from "../images/load.ts";
import type { PullOptions, PulledImage } from "../images/pull-options.ts";
import type { PushOptions, PushedImage } from "../images/push.ts";
import type { RemovedImage } from "../images/remove.ts";
import type { SaveOptions, SavedImage } from "../images/save.ts";
import type { SearchOptions, SearchResult } from "../registry/search-options.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * The images of an archive (of `docker save`, `podman save`, or an OCI layout, also compressed)
 * or of an OCI layout directory: all of them, or none.
 */
export async function load(
  source: ByteSource,
  options: LoadOptions & ApiOptions = {},
): Promise<readonly LoadedImage[]> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.load(source, rest);
}

/** The tar of a root file system becomes an image, with config changes in Dockerfile syntax. */
export async function importImage(
  source: ByteSource,
  name?: string,
  options: ImportOptions & ApiOptions = {},
): Promise<LoadedImage> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.import(source, name, rest);
}

/**
 * Images, by name or id, as an archive: to a path, a stream or a descriptor. A name without a tag
 * means all images of that name, as in `docker save`; layers they share are written once.
 */
export async function save(
  image: string | readonly string[],
  target: ByteTarget,
  options: SaveOptions & ApiOptions = {},
): Promise<readonly SavedImage[]> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.save(image, target, rest);
}

/**
 * An image from a registry: `busybox`, `quay.io/org/name:tag`, `name@sha256:…`. What is here is not
 * fetched again. Throws `NOT_FOUND`, `UNAUTHORIZED`, `DENIED`, `RATE_LIMITED`, `UNAVAILABLE`,
 * `CORRUPT`, and `UNSUPPORTED` when there is none for the platform.
 */
export async function pull(
  name: string,
  options: PullOptions & ApiOptions = {},
): Promise<PulledImage> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.pull(name, rest);
}

/**
 * An image to the registry that its name begins with, `docker.io` unless said: what is missing
 * there, and in the end the manifest.
 */
export async function push(
  name: string,
  options: PushOptions & ApiOptions = {},
): Promise<PushedImage> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.push(name, rest);
}

/**
 * Images in Docker Hub with a word in their name or description; of `registry/word`, those of that
 * registry, by name.
 */
export async function search(
  term: string,
  options: SearchOptions & ApiOptions = {},
): Promise<readonly SearchResult[]> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.search(term, rest);
}

/**
 * One more name for an image, which is meant by a name, an id, a unique start of an id, or
 * `name@digest`. The image that had the name loses it, and stays. Throws `NOT_FOUND`, and
 * `INVALID_ARGUMENT` for a name no image can have.
 */
export async function tag(image: string, name: string, options: ApiOptions = {}): Promise<void> {
  const { images: library } = await engineOf(options);
  await library.tag(image, name);
}

/** All images there are, or those that the filters leave, the newest first. */
export async function images(options: ImageFilters & ApiOptions = {}): Promise<readonly Image[]> {
  const { engine, root, ...filters } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.list(filters);
}

/** What an image is made of, the latest step first. Throws `NOT_FOUND`. */
export async function history(
  image: string,
  options: ApiOptions = {},
): Promise<readonly ImageHistoryEntry[]> {
  const { images: library } = await engineOf(options);
  return library.history(image);
}

/** A name goes, and with its last name the image. Throws `NOT_FOUND`, `CONFLICT` when in use. */
export async function rmi(
  image: string,
  options: RemoveImageOptions & ApiOptions = {},
): Promise<RemovedImage> {
  const { engine, root, ...rest } = options;
  const { images: library } = await engineOf({ engine, root });
  return library.remove(image, rest);
}
