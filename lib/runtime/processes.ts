/** What /proc says of processes: who they are, and which of them are a container's. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** proc_pid_stat(5); times in ticks, of which there are 100 in a second. */
export interface ProcessStat {
  readonly pid: number;
  /** The name of its program, cut off at 15 bytes. */
  readonly name: string;
  /** One letter: `Z` has ended, and nobody has asked how. */
  readonly state: string;
  readonly parent: number;
  /** Number of its terminal's device; 0 for none. */
  readonly terminal: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly threads: number;
  /** Ticks since this machine started. */
  readonly startTicks: number;
  readonly residentPages: number;
}

/** USER_HZ: what the kernel shows is in hundredths of a second whatever it counts in. */
export const TICKS_PER_SECOND = 100;

/** `undefined` for one that is no more. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  const text = readProc(`${pid}/stat`);
  return text === undefined ? undefined : parseProcessStat(text);
}

/** The name of the program, in brackets, may hold anything. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  if (open < 0 || close < open) return undefined;
  const [state = "", ...rest] = text.slice(close + 2).split(" ");
  const numbers = rest.map(Number);
  const at = (field: number) => numbers[field - 4] ?? 0; // as proc(5) numbers them
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(open + 1, close),
    state,
    parent: at(4),
    terminal: at(7),
    userTicks: at(14),
    systemTicks: at(15),
    threads: at(20),
    startTicks: at(22),
    residentPages: at(24),
  };
}

/**
 * The processes of the container whose first process is `first`, by number: those in its mount
 * namespace, and whatever descends from them (as native/init/residents.c has it). Empty when it
 * is no more. One that has been told apart by nobody yet may be missing: they come and go.
 */
export function listResidents(first: number): readonly ProcessStat[] {
  const all = new Map<number, ProcessStat>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readProcessStat(Number(name));
    if (stat !== undefined) all.set(stat.pid, stat);
  }
  if (!all.has(first)) return [];
  const home = homeOf(first, all);
  const members = new Map<number, boolean>([[first, true]]);
  const isMember = (pid: number): boolean => {
    const known = members.get(pid);
    if (known !== undefined) return known;
    members.set(pid, false); // no process descends from itself, but these were not read at once
    const stat = all.get(pid);
    const is =
      stat !== undefined &&
      ((home !== undefined && mountsOf(pid) === home) || isMember(stat.parent));
    members.set(pid, is);
    return is;
  };
  return [...all.values()].filter(({ pid }) => isMember(pid)).sort((a, b) => a.pid - b.pid);
}

/** A first process of ours hides; then a child of it shows where they are. */
function homeOf(first: number, all: ReadonlyMap<number, ProcessStat>): string | undefined {
  const own = mountsOf(first);
  if (own !== undefined) return own;
  for (const { pid, parent } of all.values()) {
    const mounts = parent === first ? mountsOf(pid) : undefined;
    if (mounts !== undefined) return mounts;
  }
  return undefined;
}

function mountsOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined; // it is another user's, or no more
  }
}

/** A file of /proc; `undefined` where there is none (any more), or it is not ours to read. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return undefined;
  }
}
