/** The log of a container, from the first line that somebody asks for: what reads it is loaded then. */
import { leavable } from "../util/leavable.ts";
import { explain } from "./failures.ts";
import type { LogEntry, LogsOptions } from "./log-entries.ts";
import type { LogLine } from "./log-lines.ts";
import type { Subject } from "./subject.ts";

/** The options are checked. */
export function logEntries(subject: Subject, options: LogsOptions): AsyncIterable<LogEntry> {
  return leavable(async function* (signal) {
    const { readEntries } = await subject.context.work.begin(() => import("./logs.ts"));
    yield* told(readEntries(subject, { ...options, signal }), options);
  }, options.signal);
}

/** The same as they lie in the file, many at a time. */
export function logLines(
  subject: Subject,
  options: LogsOptions,
): AsyncIterable<readonly LogLine[]> {
  return leavable(async function* (signal) {
    const { readLines } = await subject.context.work.begin(() => import("./logs.ts"));
    yield* told(readLines(subject, { ...options, signal }), options);
  }, options.signal);
}

async function* told<T>(read: AsyncGenerator<T>, { signal }: LogsOptions): AsyncGenerator<T> {
  try {
    yield* read;
  } catch (error) {
    throw explain(error, "read the container's log", signal);
  }
}
