/**
 * The files in live/: whoever makes, runs or removes a container holds a lock on its file, from
 * before the first trace of it to after the last. A file that nobody holds is work left undone.
 */
import { closeSync, ftruncateSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeLive, tryLock } from "../native/syscalls.ts";
import type { Paths } from "../store/paths.ts";
import { isJsonObject } from "../util/json.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import type { VolumeBelonging } from "./volumes.ts";

/** `fork`, `copy`: somebody is at its files for a moment; `hold`: nobody is to start it. */
const PURPOSES = ["create", "start", "remove", "fork", "copy", "hold"] as const;

type Purpose = (typeof PURPOSES)[number];

/** What the holder is about; a keeper that runs writes over it what to look for if it dies. */
export interface LiveContent {
  readonly purpose?: Purpose;
  /** To be given back, should there be no record to tell. */
  readonly name?: string;
  /** To be deleted, in the same case. */
  readonly trees?: readonly string[];
  /** To be let go of, or removed. */
  readonly volumes?: readonly VolumeBelonging[];
  /** The same. */
  readonly snapshots?: readonly string[];
  /** Of the container's first process. */
  readonly pid?: number;
  /** Field 22 of /proc/PID/stat. */
  readonly pidStart?: number;
  readonly bootId?: string;
  readonly startedAt?: string;
  /** The helper that connects it, `""` for none; absent where there never is one. */
  readonly network?: string;
  readonly networkLost?: string;
  /** How often its keeper started it again. */
  readonly restartCount?: number;
  /** Between two runs: `exitCode` and the times are those of the last, then. */
  readonly restarting?: boolean;
  /** The directory of its control group, where it has one for itself. */
  readonly cgroup?: string;
  /** Its processes are made to stand still. */
  readonly paused?: boolean;
  /** Why nobody can connect to its keeper. */
  readonly socketError?: string;
  /** Its keeper. */
  readonly keeper?: number;
  /** How it ended, where that could not be written to where it belongs: the disk was full. */
  readonly exitCode?: number;
  readonly finishedAt?: string;
  readonly error?: string;
}

/** A live file, seen in passing. */
export interface LiveLook {
  readonly content: LiveContent;
  /** Not any more: whoever held it died, or could not finish. */
  readonly isHeld: boolean;
}

/** A lock that is held; a keeper may be given the descriptor, and then holds it too. */
export class Live {
  readonly fd: number;
  readonly content: LiveContent;
  readonly #path: string;
  #isOpen = true;

  constructor(fd: number, path: string, content: LiveContent) {
    this.fd = fd;
    this.content = content;
    this.#path = path;
  }

  /** Say something else, before a keeper is given the file. */
  write(content: LiveContent): void {
    ftruncateSync(this.fd, 0);
    writeSync(this.fd, `${JSON.stringify(content)}\n`, 0);
  }

  /** All is done, or undone: take the file away. */
  finish(): void {
    try {
      unlinkSync(this.#path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    this.close();
  }

  /** Leave the lock to the keeper; or, with the file still there, the work to a sweep. Twice is fine. */
  close(): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}

/** `undefined` when there is such a file already. */
export function claimLive(paths: Paths, id: string, content: LiveContent): Live | undefined {
  const fd = make(paths, id, content);
  return fd === undefined ? undefined : new Live(fd, join(paths.live, id), content);
}

function make(paths: Paths, id: string, content: LiveContent): number | undefined {
  const text = Object.keys(content).length === 0 ? "" : `${JSON.stringify(content)}\n`;
  try {
    return makeLive(paths.live, id, text);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return undefined;
    const isFull = errno === "ENOSPC" || errno === "EDQUOT";
    if (!isFull || (content.purpose !== "remove" && content.purpose !== "copy")) throw error;
    // There still is room for a file without bytes; removing, and copying out, is what would help.
    return make(paths, id, {});
  }
}

/** Take over what nobody holds any more. `undefined` when it is held, or gone. */
export function takeOver(paths: Paths, id: string): Live | undefined {
  const path = join(paths.live, id);
  try {
    const fd = tryLock(path, "exclusive", { create: false });
    return fd === undefined ? undefined : new Live(fd, path, parse(readFileSync(fd)));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function lookAtLive(paths: Paths, id: string): LiveLook | undefined {
  const path = join(paths.live, id);
  try {
    const content = parse(readFileSync(path));
    const fd = tryLock(path, "shared", { create: false });
    if (fd !== undefined) closeSync(fd);
    return { content, isHeld: fd === undefined };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Strict about nothing: a power cut may have kept the name and lost the bytes. */
function parse(bytes: Uint8Array): LiveContent {
  const json = parseLoosely(bytes);
  const { purpose, name, trees, volumes, pid, pidStart, bootId, startedAt, network, networkLost } =
    json;
  const { exitCode, finishedAt, error, snapshots } = json;
  return {
    ...purposeIn(purpose),
    ...(typeof name === "string" ? { name } : {}),
    ...(isTexts(trees) ? { trees } : {}),
    ...(Array.isArray(volumes) ? { volumes: volumes.flatMap(parseVolume) } : {}),
    ...(isTexts(snapshots) ? { snapshots } : {}),
    ...(typeof pid === "number" ? { pid } : {}),
    ...(typeof pidStart === "number" ? { pidStart } : {}),
    ...(typeof bootId === "string" ? { bootId } : {}),
    ...(typeof startedAt === "string" ? { startedAt } : {}),
    ...(typeof network === "string" ? { network } : {}),
    ...(typeof networkLost === "string" ? { networkLost } : {}),
    ...parseKeeping(json),
    ...(typeof exitCode === "number" ? { exitCode } : {}),
    ...(typeof finishedAt === "string" ? { finishedAt } : {}),
    ...(typeof error === "string" ? { error } : {}),
  };
}

/** What only keepers write. */
function parseKeeping({
  restartCount,
  restarting,
  cgroup,
  paused,
  socketError,
  keeper,
}: Readonly<Record<string, unknown>>): LiveContent {
  return {
    ...(typeof restartCount === "number" ? { restartCount } : {}),
    ...(restarting === true ? { restarting } : {}),
    ...(typeof cgroup === "string" ? { cgroup } : {}),
    ...(paused === true ? { paused } : {}),
    ...(typeof socketError === "string" ? { socketError } : {}),
    ...(typeof keeper === "number" ? { keeper } : {}),
  };
}

function purposeIn(value: unknown): { readonly purpose?: Purpose } {
  const purpose = PURPOSES.find((one) => one === value);
  return purpose === undefined ? {} : { purpose };
}

function parseVolume(json: unknown): VolumeBelonging[] {
  if (!isJsonObject(json) || typeof json["name"] !== "string") return [];
  return [{ name: json["name"], remove: json["remove"] === true }];
}

function parseLoosely(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const [line = ""] = Buffer.from(bytes).toString().split("\n", 1);
    const json: unknown = JSON.parse(line);
    return isJsonObject(json) ? json : {};
  } catch {
    return {};
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
