/** events(): what happens in a data root; stats(): what containers use; pause(), unpause(). */
import type { EngineEvent } from "../engine/event-log.ts";
import type { EventsOptions } from "../engine/event-stream.ts";
import type { PauseOptions, PauseResult } from "../engine/hold.ts";
import type { ContainerStats, StatsOptions, WatchStatsOptions } from "../engine/stats.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * What happens to containers, images and volumes, whoever does it, from the call on or from
 * `since`, as an async iterable. It goes on until it is left, `until`, or an abort.
 */
export async function events(
  options: EventsOptions & ApiOptions = {},
): Promise<AsyncIterable<EngineEvent>> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).events(rest);
}

/**
 * What a container uses: processor since a second ago (`intervalMs`), memory, network, disk.
 * Throws `NOT_FOUND`, `CONFLICT` when it does not run.
 */
export async function stats(
  container: string,
  options: StatsOptions & ApiOptions = {},
): Promise<ContainerStats> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).stats(rest);
}

/** The same of several, again and again: of all that run, or of those in `containers`. */
export async function watchStats(
  options: WatchStatsOptions & ApiOptions = {},
): Promise<AsyncIterable<readonly ContainerStats[]>> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).containers.watchStats(rest);
}

/**
 * All processes of a container stand still until `unpause()`. Throws `NOT_FOUND`, `CONFLICT` when it
 * does not run or is paused already.
 */
export async function pause(
  container: string,
  options: PauseOptions & ApiOptions = {},
): Promise<PauseResult> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).pause(rest);
}

/** They go on. Throws `NOT_FOUND`, `CONFLICT` when it does not run, or is not paused. */
export async function unpause(
  container: string,
  options: PauseOptions & ApiOptions = {},
): Promise<PauseResult> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).unpause(rest);
}
