/** Engines for tests: each over a data root of its own. */
import { afterAll } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import type { EngineOptions } from "../../lib/engine/options.ts";
import { temporaryFolder } from "./folder.ts";
import { busyboxArchive } from "./images.ts";

const engines: Engine[] = [];

afterAll(closeEngines);

/** An engine over an empty data root; both go away with the test file. */
export async function testEngine(options: Omit<EngineOptions, "root"> = {}): Promise<Engine> {
  const engine = await openEngine({ ...options, root: await temporaryFolder() });
  engines.push(engine);
  return engine;
}

/** The same, with the image `busybox` loaded. */
export async function busyboxEngine(): Promise<Engine> {
  const engine = await testEngine();
  await engine.images.load(busyboxArchive());
  return engine;
}

/** Close every engine given out so far. Called twice is fine. */
export async function closeEngines(): Promise<void> {
  for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]();
}
