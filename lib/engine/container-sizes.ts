/** How large containers are. */
import type { EngineContext } from "./context.ts";
import type { ContainerRecord } from "./records.ts";
import { sizesOf, writableTrees } from "./writable-trees.ts";

/** In bytes. Directories and whiteouts count for nothing, what is copied up for all of it. */
export interface ContainerSize {
  /** What it has written. */
  readonly written: number;
  /** That, and its image. */
  readonly total: number;
}

/** Of each, in the same order. */
export async function containerSizes(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<readonly ContainerSize[]> {
  const trees = await Promise.all(records.map((record) => writableTrees(context.paths, record)));
  const written = await sizesOf(context, trees);
  return Promise.all(
    records.map(async ({ image }, at) => {
      const layers = await Promise.all(image.layers.map((id) => context.layers.find(id)));
      const own = written[at] ?? 0;
      const total = layers.reduce((sum, layer) => sum + (layer?.size ?? 0), own);
      return { written: own, total };
    }),
  );
}
