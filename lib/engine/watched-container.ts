/** What can be seen of a container that runs, and its standing still: the part of `Container`. */
import type { EngineContext } from "./context.ts";
import { explained } from "./failures.ts";
import type { PauseOptions, PauseResult } from "./hold.ts";
import type { ContainerRecord } from "./records.ts";
import type { ContainerStats, StatsOptions } from "./stats.ts";
import type { ProcessTable } from "../runtime/process-table.ts";
import type { TopOptions } from "./top.ts";
import { checkPauseOptions, checkStatsOptions, checkTopOptions } from "./watch-checks.ts";

export abstract class WatchedContainer {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** As it was made, but for its name. */
  abstract get record(): ContainerRecord;

  /**
   * All of its processes stand still until `unpause()`, whoever calls that. Throws `CONFLICT` when it
   * does not run, or is paused already.
   */
  async pause(options: PauseOptions = {}): Promise<PauseResult> {
    checkPauseOptions(options);
    const pausing = this.#context.work.begin(async () => {
      const { holdContainer } = await import("./hold.ts");
      return holdContainer(this.#context, this.record, options);
    });
    return explained("pause the container", pausing, options.signal);
  }

  /** They go on. Throws `CONFLICT` when it does not run, or is not paused. */
  async unpause(options: PauseOptions = {}): Promise<PauseResult> {
    checkPauseOptions(options);
    const resuming = this.#context.work.begin(async () => {
      const { releaseContainer } = await import("./hold.ts");
      return releaseContainer(this.#context, this.record, options);
    });
    return explained("unpause the container", resuming, options.signal);
  }

  /**
   * What it uses, after two looks with `intervalMs` between them. Throws `CONFLICT` when it does not
   * run, `NOT_FOUND` when it was removed.
   */
  async stats(options: StatsOptions = {}): Promise<ContainerStats> {
    checkStatsOptions(options);
    const { statsOf } = await import("./stats.ts");
    const looking = statsOf(this.#context, this.record, options);
    return explained("look at what the container uses", looking, options.signal);
  }

  /** The same, again and again while it runs. */
  watchStats(options: StatsOptions = {}): AsyncIterable<ContainerStats> {
    checkStatsOptions(options);
    const [context, record] = [this.#context, this.record];
    return {
      async *[Symbol.asyncIterator]() {
        const { watchStatsOf } = await import("./stats.ts");
        yield* watchStatsOf(context, record, options);
      },
    };
  }

  /** Which processes it has, as `docker top`. Throws `CONFLICT` when it does not run. */
  async top(options: TopOptions = {}): Promise<ProcessTable> {
    checkTopOptions(options);
    const looking = this.#context.work.begin(async () => {
      const { topOf } = await import("./top.ts");
      return topOf(this.#context, this.record, options);
    });
    return explained("list the container's processes", looking, options.signal);
  }
}
