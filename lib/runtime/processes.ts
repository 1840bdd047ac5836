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
  /** Of both kinds, by children that have ended and by theirs. */
  readonly childrenTicks: number;
  readonly threads: number;
  /** Ticks since this machine started. */
  readonly startTicks: number;
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
    childrenTicks: at(16) + at(17),
    threads: at(20),
    startTicks: at(22),
  };
}

/** All processes of this machine in one look, for whoever looks at several containers. */
export class Processes {
  readonly #all = new Map<number, ProcessStat>();
  readonly #children = new Map<number, number[]>();
  /** By the mount namespace they are in. */
  #neighbors: ReadonlyMap<string, readonly number[]> | undefined;

  constructor() {
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const stat = readProcessStat(Number(name));
      if (stat === undefined) continue;
      this.#all.set(stat.pid, stat);
      addTo(this.#children, stat.parent, stat.pid);
    }
  }

  /**
   * The processes of the container whose first process is `first`, by number: those in its mount
   * namespace, and whatever descends from them, as native/init/residents.c has it. None when it
   * is no more.
   */
  residentsOf(first: number): readonly ProcessStat[] {
    if (!this.#all.has(first)) return [];
    const home = this.#homeOf(first);
    const members = new Set<number>();
    const adopt = (pid: number): void => {
      if (members.has(pid)) return;
      members.add(pid);
      for (const child of this.#children.get(pid) ?? []) adopt(child);
    };
    adopt(first);
    for (const pid of home === undefined ? [] : this.#neighborsAt(home)) adopt(pid);
    return [...members]
      .sort((one, other) => one - other)
      .flatMap((pid) => this.#all.get(pid) ?? []);
  }

  /** A first process of ours hides; then a child of it shows where they are. */
  #homeOf(first: number): string | undefined {
    for (const pid of [first, ...(this.#children.get(first) ?? [])]) {
      const mounts = mountsOf(pid);
      if (mounts !== undefined) return mounts;
    }
    return undefined;
  }

  #neighborsAt(home: string): readonly number[] {
    this.#neighbors ??= this.#groups();
    return this.#neighbors.get(home) ?? [];
  }

  #groups(): ReadonlyMap<string, readonly number[]> {
    const groups = new Map<string, number[]>();
    for (const pid of this.#all.keys()) {
      const mounts = mountsOf(pid);
      if (mounts !== undefined) addTo(groups, mounts, pid);
    }
    return groups;
  }
}

function addTo<Key>(lists: Map<Key, number[]>, key: Key, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** The processes of one container; see `Processes`. */
export function listResidents(first: number): readonly ProcessStat[] {
  return new Processes().residentsOf(first);
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
