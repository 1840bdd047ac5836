/** Who a process is: its number alone may be another's by the time it is used. */
import { readFileSync } from "node:fs";
import { parseProcessStat, readProc } from "../runtime/processes.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in ticks since this machine started (proc_pid_stat(5)). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id: numbers begin anew with each boot. */
  readonly bootId: string;
}

/** Who has this number now; `undefined` when nobody has. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = parseProcessStat(readProc(`${pid}/stat`) ?? "");
  if (stat === undefined) return undefined;
  return { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** Two records of one process. */
export function isSame(
  one: ProcessIdentity | undefined,
  other: ProcessIdentity | undefined,
): boolean {
  if (one === undefined || other === undefined) return false;
  const { pid, startTicks, bootId: boot } = one;
  return pid === other.pid && startTicks === other.startTicks && boot === other.bootId;
}

/** Whether it runs: one that has ended and was not reaped does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  const { pid, startTicks } = identity;
  const stat = parseProcessStat(readProc(`${pid}/stat`) ?? "");
  if (stat === undefined || stat.startTicks !== startTicks) return false;
  return !"ZXx".includes(stat.state) && identity.bootId === bootId();
}

let known: string | undefined;

function bootId(): string {
  known ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return known;
}
