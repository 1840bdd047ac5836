/**
 * Directories being unpacked: `layers/.draft-<hex>-<random>`. The layer's lock says whether somebody
 * still does; each has a name of its own, since the helper of a killed process may go on for a
 * moment.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { type ChainId, hexOf } from "../oci/digest.ts";
import { isGone } from "../store/gone.ts";
import { namesIn } from "../util/names-in.ts";
import type { LayerDirectories } from "./directories.ts";
import { removeTree } from "./inside.ts";

const DRAFT = ".draft-";
const DRAFT_NAME = /^\.draft-([0-9a-f]{64})\b/;

/** With an empty `diff`. The caller holds the layer's lock. */
export async function makeDraft(layers: LayerDirectories, chainId: ChainId): Promise<string> {
  const draft = join(layers.path, `${DRAFT}${hexOf(chainId)}-${randomUUID().slice(0, 8)}`);
  await mkdir(join(draft, "diff"), { recursive: true, mode: 0o700 });
  return draft;
}

/** Whether there is anything for `sweepDrafts`. */
export async function hasLeftovers(layers: LayerDirectories): Promise<boolean> {
  const names = await namesIn(layers.path);
  return names.some((name) => isGone(name) || DRAFT_NAME.test(name));
}

/**
 * Delete what killed processes were unpacking, and what is out of sight. `held`: layers whose locks
 * the caller has.
 */
export async function sweepDrafts(
  layers: LayerDirectories,
  held: readonly ChainId[] = [],
): Promise<void> {
  const namespace = await layers.namespace();
  const ours = new Set(held.map(hexOf));
  const names = await namesIn(layers.path);
  const gone = names.filter(isGone).map((name) => join(layers.path, name));
  await removeTree(namespace, gone);
  for (const name of names) {
    const hex = DRAFT_NAME.exec(name)?.[1];
    if (hex === undefined) continue;
    const isOurs = ours.has(hex);
    await using taken = isOurs ? undefined : await layers.tryLock(hex);
    if (!isOurs && taken === undefined) continue;
    await removeTree(namespace, [join(layers.path, name)]);
  }
}
