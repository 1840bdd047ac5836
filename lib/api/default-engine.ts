/** The engine that the free functions use when they are given none: one per data root and process. */
import { type Engine, openEngine } from "../engine/engine.ts";
import { dataRoot } from "../store/paths.ts";

export interface ApiOptions {
  /** Default: one over the default data root, which is opened on first use and then shared. */
  readonly engine?: Engine | undefined;
}

const engines = new Map<string, Promise<Engine>>();

/** Nothing it holds keeps the process alive. What failed to open is tried again by the next. */
export function engineOf({ engine }: ApiOptions): Promise<Engine> {
  return engine === undefined ? defaultEngine() : Promise.resolve(engine);
}

async function defaultEngine(): Promise<Engine> {
  const root = dataRoot();
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
