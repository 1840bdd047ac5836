/** Options of what watches containers, checked at the door. */
import { parseMoment } from "../util/moment.ts";
import { abortSignal, check, flag, wholeNumber, word, words, wrong } from "../util/check.ts";
import type { EventsOptions } from "./event-stream.ts";
import type { PauseOptions } from "./hold.ts";
import type { StatsOptions, WatchStatsOptions } from "./stats.ts";
import type { TopOptions } from "./top.ts";

export function checkTopOptions(options: TopOptions): void {
  check<TopOptions>({ psArgs: words, signal: abortSignal }, options);
}

export function checkPauseOptions(options: PauseOptions): void {
  check<PauseOptions>({ signal: abortSignal }, options);
}

export function checkEventsOptions(options: EventsOptions): void {
  check<EventsOptions>(
    {
      types: words,
      actions: words,
      containers: words,
      images: words,
      volumes: words,
      labels: words,
      since: moment,
      until: moment,
      signal: abortSignal,
    },
    options,
  );
}

const TIMER_MAX_MS = 2 ** 31 - 1; // setTimeout() fires at once beyond it
const stats = { intervalMs: wholeNumber("milliseconds", 1, TIMER_MAX_MS), signal: abortSignal };

export function checkStatsOptions(options: StatsOptions): void {
  check<StatsOptions>(stats, options);
}

export function checkWatchStatsOptions(options: WatchStatsOptions): void {
  check<WatchStatsOptions>({ ...stats, containers: words, all: flag }, options);
}

/** A time, or a text that can be read as one. */
function moment(value: unknown, name: string): void {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return;
  if (typeof value !== "string") throw wrong(name, "a valid date, or a string", value);
  word(value, name);
  parseMoment(value);
}
