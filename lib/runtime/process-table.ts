/** What `ps` says of some processes, as this machine counts: by its own, or without one. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { abortError } from "../util/abort.ts";
import { errnoOf } from "../util/system-error.ts";
import { type ProcessStat, TICKS_PER_SECOND, readProc } from "./processes.ts";

/** A line for each process under titles; ids are those of this machine. */
export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** By this machine's ps, with options that leave its column PID. */
export async function psTable(
  args: readonly string[],
  pids: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<ProcessTable> {
  return selectRows(await psOutput(args, signal), pids);
}

const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

async function psOutput(args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: MOST_OUTPUT_BYTES, signal };
    execFile("ps", [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (signal?.aborted === true) reject(abortError(signal));
      else reject(psFailure(error, args, stderr));
    });
  });
}

function psFailure(cause: Error, args: readonly string[], stderr: string): MarmitaError {
  if (errnoOf(cause) === "ENOENT") {
    return new MarmitaError("UNSUPPORTED", "this machine has no ps, which options are for", {
      hint: "Leave the options out; or install the package procps.",
      cause,
    });
  }
  const [why = ""] = stderr.trim().split("\n");
  const message = `ps ${args.join(" ")} failed${why === "" ? "" : `: ${why}`}`;
  return new MarmitaError("INVALID_ARGUMENT", message, { cause });
}

/** Those of these processes; a line without a number is a thread of the process before it. */
export function selectRows(text: string, pids: ReadonlySet<number>): ProcessTable {
  const [first = "", ...lines] = text.split("\n");
  const titles = first.split(" ").filter((word) => word !== "");
  const column = titles.indexOf("PID");
  if (column < 0) {
    throw new MarmitaError("INVALID_ARGUMENT", "ps shows no column PID with these options", {
      hint: "Ask for it under that name: -o pid,comm",
    });
  }
  const processes: (readonly string[])[] = [];
  let isOurs = false;
  for (const line of lines) {
    const words = line.split(" ").filter((word) => word !== "");
    const pid = words[column];
    if (pid === undefined) continue;
    if (pid !== "-") isOurs = pids.has(Number(pid));
    if (isOurs) processes.push(cells(words, titles.length));
  }
  return { titles, processes };
}

/** The last column has all words that are left. */
function cells(words: readonly string[], count: number): readonly string[] {
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
}

const FULL_FORMAT = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];

/** As `ps -ef`, which need not be there. */
export function fullFormat(stats: readonly ProcessStat[]): ProcessTable {
  const facts = { now: new Date(), upSeconds: upSeconds(), names: userNames() };
  return { titles: FULL_FORMAT, processes: stats.map((stat) => fullRow(stat, facts)) };
}

interface Facts {
  readonly now: Date;
  readonly upSeconds: number;
  readonly names: ReadonlyMap<string, string>;
}

function fullRow(stat: ProcessStat, { now, upSeconds: up, names }: Facts): readonly string[] {
  const { pid, parent, userTicks, systemTicks, startTicks } = stat;
  const usedSeconds = (userTicks + systemTicks) / TICKS_PER_SECOND;
  const ageSeconds = Math.max(0, up - startTicks / TICKS_PER_SECOND);
  const share = ageSeconds === 0 ? 0 : Math.min(99, Math.trunc((100 * usedSeconds) / ageSeconds));
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(readProc(`${pid}/status`) ?? "")?.[1] ?? "?";
  return [
    names.get(uid) ?? uid,
    String(pid),
    String(parent),
    String(share),
    startText(new Date(now.getTime() - ageSeconds * 1_000), now),
    terminalName(stat.terminal),
    timeText(usedSeconds),
    commandOf(stat),
  ];
}

function upSeconds(): number {
  return Number.parseFloat(readProc("uptime") ?? "0");
}

function userNames(): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return new Map(
      lines.flatMap((line) => {
        const [name, , uid] = line.split(":");
        return name === undefined || uid === undefined ? [] : [[uid, name] as const];
      }),
    );
  } catch {
    return new Map();
  }
}

/** `10:05` of today, `Nov22` of this year, else the year. */
export function startText(started: Date, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  if (started.toDateString() === now.toDateString()) {
    return `${two(started.getHours())}:${two(started.getMinutes())}`;
  }
  if (started.getFullYear() !== now.getFullYear()) return String(started.getFullYear());
  const month = started.toLocaleString("en-US", { month: "short" });
  return `${month}${two(started.getDate())}`;
}

/** `00:00:01`, and days before it. */
export function timeText(seconds: number): string {
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const days = seconds >= 86_400 ? `${Math.trunc(seconds / 86_400)}-` : "";
  const rest = seconds % 86_400;
  return `${days}${two(rest / 3_600)}:${two((rest % 3_600) / 60)}:${two(rest % 60)}`;
}

/** Major numbers 136 to 143 are those of terminals in /dev/pts, 4 of consoles (devices.txt). */
export function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 ? `tty${minor}` : "?";
}

function commandOf({ pid, name, state }: ProcessStat): string {
  const words = (readProc(`${pid}/cmdline`) ?? "").replace(/\0+$/, "").replaceAll("\0", " ");
  if (words !== "") return words;
  return state === "Z" ? `[${name}] <defunct>` : `[${name}]`;
}
