/** Which images `save` is asked for, and the names they are saved under. */
import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { platformOf } from "../oci/image-config.ts";
import { type Platform, hostPlatform } from "../oci/platform.ts";
import { familiarName, hasTag, parseReference } from "../oci/reference.ts";
import type { ImageEntry } from "../store/references.ts";
import { checkPlatform } from "./choose-platform.ts";
import { type ImageContent, readImage } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import {
  type StoredImage,
  type WantedName,
  idPrefix,
  matches,
  nameOf,
  namesOf,
  notFound,
} from "./names.ts";

export interface PickedImage {
  readonly content: ImageContent;
  /** Familiar names, in the order in which they were asked for. */
  readonly names: readonly string[];
}

interface Picked {
  readonly descriptor: Descriptor;
  readonly name?: string | undefined;
}

/** Who knows images by the starts of their ids. */
export interface ImageFinder {
  findStored(nameOrId: string): Promise<StoredImage | undefined>;
}

export interface PickOptions {
  readonly asked: readonly string[];
  /** Of an index, the image for it; else that the image must be for it. */
  readonly platform: Platform | undefined;
}

/**
 * As Docker: a name without a tag means all images of that name, an id or a digest means an image
 * without its names. However often it was asked for, each is there once. Throws `NOT_FOUND`.
 */
export async function pickImages(
  store: ImageStore,
  finder: ImageFinder,
  { asked, platform }: PickOptions,
): Promise<readonly PickedImage[]> {
  if (asked.length === 0) throw new MarmitaError("INVALID_ARGUMENT", "no image to save is named");
  const images = new Map<Digest, { content: ImageContent; names: Set<string> }>();
  for (const text of asked) {
    for (const { descriptor, name } of await pick(store, finder, text)) {
      const content = await readImage(store.blobs, descriptor, platform ?? hostPlatform());
      if (platform !== undefined) checkPlatform(platformOf(content.config), platform, text);
      const image = images.get(content.digest) ?? { content, names: new Set() };
      if (name !== undefined) image.names.add(name);
      images.set(content.digest, image);
    }
  }
  return Array.from(images.values(), ({ content, names }) => ({ content, names: [...names] }));
}

async function pick(
  store: ImageStore,
  finder: ImageFinder,
  text: string,
): Promise<readonly Picked[]> {
  const id = idPrefix(text);
  if (id?.whole !== true) {
    const name = nameOf(text, id !== undefined);
    const named = name === undefined ? [] : byName(await store.references.list(), text, name);
    if (named.length > 0) return named;
  }
  const [entry] = (id && (await finder.findStored(text)))?.entries ?? [];
  if (entry === undefined) {
    throw notFound(text, namesOf({ entries: await store.references.list() }));
  }
  return [{ descriptor: entry.descriptor }];
}

function byName(
  entries: readonly ImageEntry[],
  text: string,
  wanted: WantedName,
): readonly Picked[] {
  const found = entries.filter((entry) => matches(entry, wanted));
  if (wanted.digest !== undefined) return found.map(({ descriptor }) => ({ descriptor }));
  if (hasTag(text)) return found;
  return entries.filter(({ name }) => name !== undefined && isOf(wanted.repository, name));
}

function isOf(repository: string, name: string): boolean {
  return familiarName(parseReference(name)) === repository;
}
