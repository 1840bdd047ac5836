/** Which image was made from which: told by layers and history, since nothing else says it. */
import type { HistoryEntry, ImageConfig } from "../oci/image-config.ts";

/** What of a config tells where an image comes from. */
export type Ancestry = Pick<ImageConfig, "rootfs" | "history">;

/** An image as far as its family is concerned. */
export interface Relative {
  readonly config: Ancestry;
}

/**
 * Whether `image` was made from `other`, at once or by way of others: it has all of its layers and
 * all of its history, and something more of the latter, as Podman sees it. An image is no child of
 * itself, nor of one that differs in its settings only; and one whose history does not tell of its
 * layers has none that we know of.
 */
export function isChildOf(image: Ancestry, other: Ancestry): boolean {
  if (other.history.length >= image.history.length) return false;
  const { diff_ids: layers } = image.rootfs;
  return (
    tellsOfLayers(other) &&
    other.rootfs.diff_ids.every((diffId, at) => diffId === layers[at]) &&
    other.history.every((entry, at) => isSame(entry, image.history[at]))
  );
}

function tellsOfLayers({ rootfs, history }: Ancestry): boolean {
  const filled = history.filter(({ empty_layer }) => empty_layer !== true);
  return filled.length === rootfs.diff_ids.length;
}

/** The closest of `images` that `image` was made from; `undefined` when none is among them. */
export function parentOf<T extends Relative>(
  { config }: Relative,
  images: readonly T[],
): T | undefined {
  let parent: T | undefined;
  for (const candidate of images) {
    if (!isChildOf(config, candidate.config)) continue;
    if (depth(candidate) > depth(parent)) parent = candidate;
  }
  return parent;
}

/** Those of `images` that were made from `image`, at once or by way of others. */
export function childrenOf<T extends Relative>(
  { config }: Relative,
  images: readonly T[],
): readonly T[] {
  return images.filter((candidate) => isChildOf(candidate.config, config));
}

function depth(image: Relative | undefined): number {
  return image === undefined ? -1 : image.config.history.length;
}

function isSame(one: HistoryEntry, other: HistoryEntry | undefined): boolean {
  return (
    other !== undefined &&
    one.created === other.created &&
    (one.created_by ?? "") === (other.created_by ?? "") &&
    (one.author ?? "") === (other.author ?? "") &&
    (one.comment ?? "") === (other.comment ?? "") &&
    (one.empty_layer ?? false) === (other.empty_layer ?? false)
  );
}
