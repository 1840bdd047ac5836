/** The engine, loaded when a command needs it. */
import type { Engine } from "../engine/engine.ts";
import type { EngineOptions } from "../engine/options.ts";

export async function openCliEngine(options: EngineOptions): Promise<Engine> {
  const { openEngine } = await import("../engine/engine.ts");
  return openEngine(options);
}
