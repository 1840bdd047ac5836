/** Where a container's own files are: what `SIZE` counts of it. */
import { join } from "node:path";
import { measureTrees } from "../layers/measure.ts";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import type { EngineContext } from "./context.ts";
import type { ContainerRecord } from "./records.ts";

/** How many bytes lie in each of these groups of directories. */
export async function sizesOf(
  context: EngineContext,
  groups: readonly (readonly string[])[],
): Promise<readonly number[]> {
  const paths = groups.flat();
  if (paths.length === 0) return groups.map(() => 0);
  const { namespace } = await context.mapped();
  const sizes = await measureTrees(namespace, paths);
  const left = sizes.map(({ bytes }) => bytes);
  return groups.map(({ length }) => left.splice(0, length).reduce((sum, one) => sum + one, 0));
}

/** Its writable layer, those of images mounted to be written to, and what is kept elsewhere. */
export async function writableTrees(
  paths: Paths,
  { id, trees }: Pick<ContainerRecord, "id" | "trees">,
): Promise<readonly string[]> {
  const bundle = paths.container(id);
  const names = await namesIn(bundle);
  const uppers = names.flatMap((name) => {
    if (name === "upper") return [join(bundle, name)];
    return /^mount-\d+$/.test(name) ? [join(bundle, name, "upper")] : [];
  });
  return [...uppers, ...trees];
}
