/** When and where a process runs: config.json's `scheduler`, `ioPriority`, `execCPUAffinity`. */
import { MarmitaError } from "../errors.ts";
import type { Plan } from "../native/plan.ts";

/** `process.scheduler` (runtime-spec, config.md, "Linux Process"). */
export interface Scheduler {
  readonly policy: string;
  readonly nice?: number | undefined;
  readonly priority?: number | undefined;
  readonly flags?: readonly string[] | undefined;
  /** Nanoseconds, as the two after it. */
  readonly runtime?: number | bigint | undefined;
  readonly deadline?: number | bigint | undefined;
  readonly period?: number | bigint | undefined;
}

/** `process.ioPriority`. */
export interface IoPriority {
  readonly class: string;
  readonly priority: number;
}

/** `process.execCPUAffinity`: lists as `0-3,7`. */
export interface ExecCpuAffinity {
  readonly initial?: string | undefined;
  readonly final?: string | undefined;
}

export interface SchedulingInput {
  readonly scheduler?: Scheduler | undefined;
  readonly ioPriority?: IoPriority | undefined;
}

/** linux/sched.h. SCHED_ISO is reserved there, and no kernel has it. */
const POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const REAL_TIME = ["SCHED_FIFO", "SCHED_RR"];

/** SCHED_FLAG_… there. The last two take values that config.json has no fields for. */
const FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
};
const WITHOUT_VALUES = ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"];

/** linux/ioprio.h. */
const IO_CLASSES: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};

/**
 * Of a `process`, for its first and every other one; anywhere among the operations after `pivot`.
 * What needs privilege fails the start where there is none (sched_setattr(2), ioprio_set(2)).
 * Throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what no kernel does, with `details.field`.
 */
export function schedulingOperations({ scheduler, ioPriority }: SchedulingInput): Plan {
  return [
    ...(scheduler === undefined ? [] : schedulerOperations(scheduler)),
    ...(ioPriority === undefined ? [] : ioPriorityOperations(ioPriority)),
  ];
}

/**
 * Of the `process` of an exec, before all operations that move it to another control group: config.json
 * gives it to no first process. Throws `INVALID_ARGUMENT` with `details.field`.
 */
export function affinityOperations(affinity: ExecCpuAffinity | undefined): Plan {
  const { initial = "", final = "" } = affinity ?? {};
  checkCpus("process.execCPUAffinity.initial", initial);
  checkCpus("process.execCPUAffinity.final", final);
  return initial === "" && final === "" ? [] : [["cpu-affinity", initial, final]];
}

function schedulerOperations(scheduler: Scheduler): Plan {
  const { policy, nice = 0, priority = 0, flags = [] } = scheduler;
  const { runtime = 0, deadline = 0, period = 0 } = scheduler;
  const number = wordOf(POLICIES, "process.scheduler.policy", policy);
  if (policy === "SCHED_ISO") throw unsupported("process.scheduler.policy", policy);
  const field = "process.scheduler.flags";
  const bits = flags.map((flag) => {
    if (WITHOUT_VALUES.includes(flag)) throw unsupported(field, flag);
    return wordOf(FLAGS, field, flag);
  });
  checkRange("process.scheduler.nice", nice, [-20, 19]);
  checkRange("process.scheduler.priority", priority, [0, 99]);
  const times = [runtime, deadline, period].map((time, index) => {
    return nanoseconds(`process.scheduler.${["runtime", "deadline", "period"][index]}`, time);
  });
  const [runtimeNs = 0n, deadlineNs = 0n, periodNs = 0n] = times;
  const isRealTime = REAL_TIME.includes(policy);
  if (priority !== 0 && !isRealTime) {
    throw wrong("process.scheduler.priority", "be 0 but for SCHED_FIFO and SCHED_RR", priority);
  }
  const rank = BigInt.asUintN(64, BigInt(isRealTime ? priority : nice));
  const sum = bits.reduce((all, bit) => all | bit, 0);
  return [["scheduler", number, sum, rank, runtimeNs, deadlineNs, periodNs]];
}

function ioPriorityOperations({ class: name, priority }: IoPriority): Plan {
  const number = wordOf(IO_CLASSES, "process.ioPriority.class", name);
  checkRange("process.ioPriority.priority", priority, [0, 7]);
  return [["io-priority", (number << 13) | priority]];
}

const MAX_CPU = 1023;

/** As the kernel's lists: `0-3,7`. */
function checkCpus(field: string, text: string): void {
  if (text === "") return;
  const isList = text.split(",").every((part) => {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    if (match === null) return false;
    const [, first = "", last = first] = match;
    return Number(first) <= Number(last) && Number(last) <= MAX_CPU;
  });
  if (!isList) throw wrong(field, `be a list of CPUs up to ${MAX_CPU} as in "0-3,7"`, text);
}

function wordOf(words: Readonly<Record<string, number>>, field: string, word: string): number {
  const number = Object.hasOwn(words, word) ? words[word] : undefined;
  if (number !== undefined) return number;
  throw wrong(field, `be one of ${Object.keys(words).join(", ")}`, word);
}

function checkRange(field: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw wrong(field, `be a whole number from ${least} to ${most}`, value);
}

/** The kernel takes fewer than 2^63. */
function nanoseconds(field: string, value: number | bigint): bigint {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  if (isWhole && value >= 0 && value < 2 ** 63) return BigInt(value);
  throw wrong(field, "be a whole number of nanoseconds below 2^63", value);
}

function unsupported(field: string, word: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `config.json: ${field}: ${word} is not supported`, {
    details: { field, value: word },
  });
}

function wrong(field: string, expectation: string, value: unknown): MarmitaError {
  const shown = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `config.json: ${field}: expected it to ${expectation}, got ${shown}`,
    { details: { field } },
  );
}
