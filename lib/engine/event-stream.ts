/** What happens, as it happens: the file of events read to its end, and on as it grows. */
import { type FSWatcher, closeSync, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import type { Paths } from "../store/paths.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { parseMoment } from "../util/moment.ts";
import { isMissing } from "../util/system-error.ts";
import { type EventFilters, eventTest } from "./event-filter.ts";
import {
  type EngineEvent,
  type EventMarks,
  type LoggedEvent,
  eventFiles,
  parseEventLine,
} from "./event-log.ts";

export interface EventsOptions extends EventFilters {
  /**
   * What has happened since then comes first, as far as it is kept: some 12 MB of it. Also
   * `2026-01-31T10:00:00Z`, or `10m` ago. Default: now.
   */
  readonly since?: Date | string;
  /** Then it ends; in the past, without waiting. Default: never. */
  readonly until?: Date | string;
  /** The iteration rejects with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/**
 * What was in the files when `marks` were made is left out. What is not read is waiting there:
 * somebody who is some 10,000 events behind loses the oldest.
 */
export async function* eventsOf(
  paths: Paths,
  { marks, ...options }: EventsOptions & { readonly marks: EventMarks },
): AsyncGenerator<EngineEvent, void> {
  const { signal } = options;
  const window = windowOf(options);
  const isWanted = eventTest(options);
  using files = new EventFiles(paths, marks);
  using growth = new Growth(paths.root, signal);
  for (;;) {
    throwIfAborted(signal);
    // Before it is read: what comes meanwhile is read in the next turn.
    const isLast = Date.now() >= window.untilMs;
    growth.look();
    for (const line of files.lines()) {
      const event = eventOf(line, window);
      if (event !== undefined && isWanted(event)) yield event;
      throwIfAborted(signal);
    }
    if (isLast) return;
    await growth.wait(window.untilMs);
  }
}

/** Of the times that are told: nanoseconds, and milliseconds for the clock. */
interface Window {
  readonly since: bigint;
  readonly until: bigint | undefined;
  readonly untilMs: number;
}

function windowOf({ since, until }: EventsOptions): Window {
  const now = new Date();
  const untilMs = until === undefined ? Infinity : momentOf(until, now);
  return {
    since: since === undefined ? 0n : nanoOf(momentOf(since, now)),
    until: until === undefined ? undefined : nanoOf(untilMs) + 999_999n, // all of that moment
    untilMs,
  };
}

function momentOf(moment: Date | string, now: Date): number {
  return (typeof moment === "string" ? parseMoment(moment, now) : moment).getTime();
}

function nanoOf(milliseconds: number): bigint {
  return BigInt(Math.trunc(milliseconds)) * 1_000_000n;
}

function eventOf(line: string, { since, until }: Window): EngineEvent | undefined {
  const logged = parseEventLine(line);
  if (logged === undefined || logged.timeNano < since) return undefined;
  return until !== undefined && logged.timeNano > until ? undefined : engineEvent(logged);
}

function engineEvent({ Type, Action, Actor, timeNano }: LoggedEvent): EngineEvent {
  const { ID: id, Attributes: attributes } = Actor;
  return { type: Type, action: Action, id, attributes, time: timeText(timeNano) };
}

function timeText(nano: bigint): string {
  const seconds = new Date(Number(nano / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(nano % 1_000_000_000n).padStart(9, "0")}Z`;
}

const CHUNK_BYTES = 64 * 1024;

/** One of the files, whatever it is called by now. */
class EventFile implements Disposable {
  readonly fd: number;
  readonly inode: number;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(fd: number, marks: EventMarks) {
    this.fd = fd;
    const { ino, size } = fstatSync(fd);
    this.inode = ino;
    const mark = marks.get(ino) ?? 0;
    this.#offset = mark <= size ? mark : 0; // another file by the same number
  }

  /** Those that have come since the last time; the end of one that is half there yet, later. */
  *lines(): Generator<string> {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const size = readSync(this.fd, chunk, 0, chunk.length, this.#offset);
      if (size === 0) return;
      this.#offset += size;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, size)]);
      const end = bytes.lastIndexOf(0x0a);
      this.#rest = Buffer.from(bytes.subarray(end + 1));
      if (end >= 0) yield* bytes.toString("utf8", 0, end).split("\n");
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** All of them that are there, the oldest first. Also one that has been put aside is written to. */
class EventFiles implements Disposable {
  readonly #paths: Paths;
  readonly #marks: EventMarks;
  #open: readonly EventFile[] = [];

  constructor(paths: Paths, marks: EventMarks) {
    this.#paths = paths;
    this.#marks = marks;
  }

  /** What has come since the last time. */
  *lines(): Generator<string> {
    const known = this.#open;
    const there = this.#look();
    this.#open = [...known.filter((file) => !there.includes(file)), ...there];
    for (const file of this.#open) yield* file.lines();
    for (const file of this.#open) if (!there.includes(file)) file[Symbol.dispose]();
    this.#open = there;
  }

  #look(): readonly EventFile[] {
    const files: EventFile[] = [];
    for (const path of eventFiles(this.#paths).toReversed()) {
      const file = this.#find(path);
      if (file !== undefined && !files.includes(file)) files.push(file);
    }
    return files;
  }

  /** They are put aside at any moment: what a name stands for is told by the open file. */
  #find(path: string): EventFile | undefined {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    const known = this.#open.find((file) => file.inode === inode);
    if (known !== undefined || inode === undefined) return known;
    try {
      const opened = new EventFile(openSync(path, "r"), this.#marks);
      const same = this.#open.find((file) => file.inode === opened.inode);
      if (same !== undefined) opened[Symbol.dispose]();
      return same ?? opened;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#open) file[Symbol.dispose]();
    this.#open = [];
  }
}

/** Where nobody tells us, and for what was written to a file put aside: looked for so often. */
const LOOK_MS = 500;
/** setTimeout() fires at once beyond it. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Something has come into the directory of the files, or time has passed. */
class Growth implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  readonly #signal: AbortSignal | undefined;
  #hasGrown = false;
  #wake: (() => void) | undefined;

  constructor(directory: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#watcher = watchOver(directory, () => {
      this.#hasGrown = true;
      this.#wake?.();
    });
  }

  /** From now on. */
  look(): void {
    this.#hasGrown = false;
  }

  /** Rejects with an `AbortError`. */
  async wait(untilMs: number): Promise<void> {
    if (this.#hasGrown) return;
    const patience = Math.min(LOOK_MS, LONGEST_TIMER_MS, Math.max(0, untilMs - Date.now()));
    const signal = this.#signal;
    let timer: NodeJS.Timeout | undefined;
    let unhook: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, patience);
      if (signal !== undefined) unhook = onAbort(signal, resolve);
    });
    clearTimeout(timer);
    unhook?.();
    this.#wake = undefined;
    if (signal?.aborted === true) throw abortError(signal);
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}

/** `undefined` where this user may watch no more. */
function watchOver(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, onChange);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
