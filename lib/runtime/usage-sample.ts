/** What a container uses at a moment: of its control group, or summed over its processes. */
import { hrtime } from "node:process";
import { totalmem } from "node:os";
import { cgroupValue, findOwnCgroup, readCgroupFile } from "./own-cgroup.ts";
import { type ProcessStat, type Processes, TICKS_PER_SECOND, readProc } from "./processes.ts";

/** Where the figures are from. */
export type UsageSource = "cgroup" | "proc";

/** Totals since it started. */
export interface UsageSample {
  readonly source: UsageSource;
  /** Of a clock that nobody sets, in milliseconds. */
  readonly atMs: number;
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Processes, with every thread of each. */
  readonly tasks: number;
}

export interface SampledContainer {
  readonly id: string;
  /** Its first process. */
  readonly pid: number;
  /** It has a network of its own: interfaces of others are none of its. */
  readonly hasNetwork: boolean;
}

/** `undefined` when it has ended. */
export function sampleUsage(
  { id, pid, hasNetwork }: SampledContainer,
  processes: Processes,
): UsageSample | undefined {
  const cgroup = findOwnCgroup(pid, id);
  const own = cgroup === undefined ? undefined : cgroupUsage(cgroup);
  const usage = own ?? processUsage(processes.residentsOf(pid));
  if (usage === undefined) return undefined;
  const network = hasNetwork ? parseNetDev(readProc(`${pid}/net/dev`) ?? "") : NO_TRAFFIC;
  const atMs = Number(hrtime.bigint() / 1_000n) / 1_000;
  return { ...usage, ...network, atMs };
}

type Usage = Omit<UsageSample, "atMs" | keyof Traffic>;

/** `undefined` without the memory controller: then nothing but processor time is counted there. */
function cgroupUsage(directory: string): Usage | undefined {
  const read = (name: string) => readCgroupFile(directory, name);
  const memory = read("memory.current");
  if (memory === undefined) return undefined;
  const inactive = cgroupValue(read("memory.stat"), "inactive_file") ?? 0;
  const limit = Number(read("memory.max")); // "max" is no number
  return {
    source: "cgroup",
    cpuMs: (cgroupValue(read("cpu.stat"), "usage_usec") ?? 0) / 1_000,
    memoryBytes: Math.max(0, Number(memory) - inactive), // as Docker's command has it
    memoryLimitBytes: Math.min(limit > 0 ? limit : Infinity, totalmem()),
    ...parseIoStat(read("io.stat") ?? ""),
    tasks: Number(read("pids.current") ?? 0),
  };
}

/** Bytes of all devices: `8:0 rbytes=1 wbytes=2 rios=…`. */
export function parseIoStat(text: string): { readBytes: number; writtenBytes: number } {
  const sum = (key: string) =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce(
      (bytes, [, value]) => bytes + Number(value),
      0,
    );
  return { readBytes: sum("rbytes"), writtenBytes: sum("wbytes") };
}

function processUsage(residents: readonly ProcessStat[]): Usage | undefined {
  if (residents.length === 0) return undefined;
  const sum = (of: (stat: ProcessStat) => number) =>
    residents.reduce((total, stat) => total + of(stat), 0);
  // Whoever waits for a child takes over what that has used: nothing is lost while they come and go.
  const ticks = sum((stat) => stat.userTicks + stat.systemTicks + stat.childrenTicks);
  const io = residents.map(({ pid }) => readProc(`${pid}/io`) ?? "");
  const ioSum = (key: string) =>
    io.reduce(
      (total, text) => total + (valueOf(text, new RegExp(`^${key}: (\\d+)$`, "m")) ?? 0),
      0,
    );
  return {
    source: "proc",
    cpuMs: (ticks * 1_000) / TICKS_PER_SECOND,
    memoryBytes: sum(memoryOf),
    memoryLimitBytes: totalmem(),
    readBytes: ioSum("read_bytes"),
    writtenBytes: ioSum("write_bytes"),
    tasks: sum(({ threads }) => threads),
  };
}

/** Its share of what it has in common with others; where that is not ours to see, all of it. */
function memoryOf({ pid }: ProcessStat): number {
  const share = valueOf(readProc(`${pid}/smaps_rollup`) ?? "", /^Pss: +(\d+) kB$/m);
  const all = share ?? valueOf(readProc(`${pid}/status`) ?? "", /^VmRSS:\s+(\d+) kB$/m);
  return (all ?? 0) * 1_024;
}

function valueOf(text: string, pattern: RegExp): number | undefined {
  const value = pattern.exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const NO_TRAFFIC: Traffic = { receivedBytes: 0, sentBytes: 0 };

/** proc_pid_net(5); what goes to itself does not count. */
export function parseNetDev(text: string): Traffic {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const line of text.split("\n")) {
    const [, name, rest = ""] = /^ *([^:\s]+):(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "lo") continue;
    const numbers = rest.trim().split(/ +/).map(Number);
    receivedBytes += numbers[0] ?? 0;
    sentBytes += numbers[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}
