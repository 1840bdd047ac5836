/** The engine that the free functions use when they are given none: one per data root and process. */
import { type Engine, openEngine } from "../engine/engine.ts";
import { MarmitaError } from "../errors.ts";
import { dataRoot } from "../store/paths.ts";
import { wrong } from "../util/check.ts";

export interface ApiOptions {
  /** Default: one over `root`, opened on first use and then shared. */
  readonly engine?: Engine | undefined;
  /** The data root; not together with `engine`. Default: as for `openEngine()`. */
  readonly root?: string | undefined;
}

const engines = new Map<string, Promise<Engine>>();

/** Nothing it holds keeps the process alive. What failed to open is tried again by the next. */
export async function engineOf({ engine, root }: ApiOptions): Promise<Engine> {
  if (engine === undefined) return defaultEngine(dataRoot(root));
  if (!isEngine(engine)) throw wrong("engine", "what openEngine() returns", engine);
  if (root === undefined) return engine;
  throw new MarmitaError("INVALID_ARGUMENT", 'options "engine" and "root" exclude each other');
}

function isEngine(value: unknown): boolean {
  return typeof value === "object" && value !== null && "containers" in value;
}

async function defaultEngine(root: string): Promise<Engine> {
  let opening = engines.get(root);
  if (opening === undefined) {
    opening = openEngine({ root });
    engines.set(root, opening);
  }
  try {
    return await opening;
  } catch (error) {
    if (engines.get(root) === opening) engines.delete(root);
    throw error;
  }
}
