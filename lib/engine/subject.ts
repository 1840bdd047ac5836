/** A container as those see it who do something with it: `Container` without its methods. */
import type { EngineContext } from "./context.ts";
import type { ContainerRecord } from "./records.ts";
import type { ContainerState } from "./state.ts";

export interface Subject {
  readonly context: EngineContext;
  readonly record: ContainerRecord;
  /** Throws `NOT_FOUND` when it was removed. */
  state(): Promise<ContainerState>;
}
