/** events(): what happens in a data root. */
import type { EngineEvent } from "../engine/event-log.ts";
import type { EventsOptions } from "../engine/event-stream.ts";
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
