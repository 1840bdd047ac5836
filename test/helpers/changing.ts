/** What a script changes in a container, as `docker diff` would print it. */
import { expect } from "vitest";
import { diff } from "../../lib/api/containers.ts";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";

export interface Changing extends Omit<RunOptions, "engine" | "name"> {
  readonly image: string;
}

/** In a container that is gone afterwards; the script may print no error. */
export async function changesOf(
  engine: Engine,
  script: string,
  { image, ...options }: Changing,
): Promise<readonly string[]> {
  const command = ["sh", "-c", script];
  const name = `changing-${process.pid}-${count++}`;
  const { stderr } = await run(image, command, { network: "none", ...options, engine, name });
  expect(stderr).toBe("");
  const changes = await diff(name, { engine });
  await engine.containers.remove(name, { volumes: true });
  return changes.map(({ kind, path }) => `${kind} ${path}`);
}

let count = 0;
