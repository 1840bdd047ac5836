/** The file of all events of a data root: a line of JSON each, appended by whoever does something. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { tryLock } from "../native/syscalls.ts";
import type { Paths } from "../store/paths.ts";
import { isJsonObject } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";

/** Something that happened to a container, an image or a volume. */
export interface EngineEvent {
  /** `container`, `image`, `volume`. */
  readonly type: string;
  /** Docker's word: `start`, `die`, `exec_start: ls -l`. */
  readonly action: string;
  /** A container's id, an image's id or name, a volume's name. */
  readonly id: string;
  /** What Docker tells of it: `name`, `image`, labels, `exitCode`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** RFC 3339, with nanoseconds. */
  readonly time: string;
}

/** As it stands in the file, which native/init/events.c writes to as well: Docker's keys. */
export interface LoggedEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since 1970: more than a number holds. */
  readonly timeNano: bigint;
}

/** A file is put aside when it is so large; native/init/events.c has the same. */
export const ROTATE_BYTES = 4 * 1024 * 1024;
/** How many there are that were put aside: `events.jsonl.1` is the younger one. */
export const OLD_FILES = 2;

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
/** Every line begins so. */
const START = '{"Type":"';

/** The files, the youngest first. */
export function eventFiles({ events }: Paths): readonly string[] {
  return [events, ...Array.from({ length: OLD_FILES }, (_, at) => `${events}.${at + 1}`)];
}

/** How much of each file is of the time before, by its inode. */
export type EventMarks = ReadonlyMap<number, number>;

export function eventMarks(paths: Paths): EventMarks {
  const marks = new Map<number, number>();
  for (const path of eventFiles(paths)) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) marks.set(stat.ino, stat.size);
  }
  return marks;
}

/** One write, so that lines of several writers do not mix. Throws as node:fs does. */
export function appendEvent(paths: Paths, { Type, Action, Actor, timeNano }: LoggedEvent): void {
  const head = JSON.stringify({ Type, Action, Actor, scope: "local" }).slice(0, -1);
  const time = `"time":${timeNano / 1_000_000_000n},"timeNano":${timeNano}`;
  const fd = openSync(paths.events, APPEND, 0o600);
  try {
    writeSync(fd, `${head},${time}}\n`);
    if (fstatSync(fd).size >= ROTATE_BYTES) rotate(paths);
  } finally {
    closeSync(fd);
  }
}

/** Whoever opened the file before still writes to it, whatever it is called by then. */
function rotate(paths: Paths): void {
  const held = tryLock(paths.lock("events"), "exclusive");
  if (held === undefined) return; // somebody does it just now
  try {
    if (statSync(paths.events).size < ROTATE_BYTES) return; // somebody did
    const files = eventFiles(paths);
    for (let at = files.length - 1; at > 0; at--) {
      const [younger, older] = [files[at - 1], files[at]];
      if (younger !== undefined && older !== undefined) renameIfThere(younger, older);
    }
  } finally {
    closeSync(held);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * `undefined` for what is none: a power cut leaves zeros, a full disk half a line, behind which
 * the next one begins.
 */
export function parseEventLine(line: string): LoggedEvent | undefined {
  for (let at = line.indexOf(START); at >= 0; at = line.indexOf(START, at + 1)) {
    const event = parseEvent(line.slice(at));
    if (event !== undefined) return event;
  }
  return undefined;
}

function parseEvent(text: string): LoggedEvent | undefined {
  const nano = /"timeNano":(\d{1,19})\}$/.exec(text)?.[1];
  const json = nano === undefined ? undefined : parseLoosely(text);
  if (nano === undefined || json === undefined) return undefined;
  const { Type, Action, Actor } = json;
  if (typeof Type !== "string" || typeof Action !== "string" || !isJsonObject(Actor)) return;
  const { ID, Attributes } = Actor;
  if (typeof ID !== "string" || !isTexts(Attributes)) return;
  return { Type, Action, Actor: { ID, Attributes }, timeNano: BigInt(nano) };
}

function parseLoosely(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((one) => typeof one === "string");
}
