/** The changes made in our container: what `diff` and the committed layer say. */
import { join } from "node:path";
import { diff } from "../../../lib/api/containers.ts";
import { commit } from "../../../lib/api/commit.ts";
import { run } from "../../../lib/api/run.ts";
import type { Engine } from "../../../lib/engine/engine.ts";
import type { RunOptions } from "../../../lib/engine/options.ts";
import { topLayer } from "./layer.ts";
import type { Changed } from "./peers.ts";

/** What the image is called that is made of them. */
export const OURS = "localhost/changed:by-marmita";

export interface OurChanges extends RunOptions {
  readonly image: string;
  readonly script: string;
}

/** Run, look, commit, and read what was committed. The container is gone, the image is kept. */
export async function changedByUs(
  engine: Engine,
  { image, script, ...options }: OurChanges,
): Promise<Changed> {
  const command = ["sh", "-c", script];
  const { id, stdout } = await run(image, command, { engine, network: "none", ...options });
  const changes = await diff(id, { engine });
  const { digest } = await commit(id, OURS, { engine });
  await engine.containers.remove(id);
  return {
    diff: changes.map(({ kind, path }) => `${kind} ${path}`),
    layer: topLayer(join(engine.root, "images"), digest),
    printed: stdout,
  };
}
