/** Resource limits of a process: Docker's names, config.json's, and the kernel's numbers. */
import { MarmitaError } from "../errors.ts";
import type { Rlimit, Whole64 } from "../oci/runtime-spec.ts";

/** `-1` and `Infinity` are no limit. One number is both. In the units of setrlimit(2). */
export type Ulimit = number | { readonly soft: number; readonly hard: number };

/** By Docker's names: `{ nofile: 1024, core: { soft: 0, hard: -1 } }`. */
export type Ulimits = Readonly<Record<string, Ulimit>>;

/** asm-generic/resource.h, which x86-64 and arm64 use. */
const NUMBERS = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

export type UlimitName = keyof typeof NUMBERS;

export const ULIMIT_NAMES: readonly string[] = Object.keys(NUMBERS);

export function isUlimitName(name: string): name is UlimitName {
  return Object.hasOwn(NUMBERS, name);
}

/** What JSON.parse() makes of RLIM_INFINITY, 2^64 - 1. */
export const UNLIMITED = 2 ** 64;

/** Of values that are checked: `process.rlimits` of config.json. */
export function rlimits(ulimits: Ulimits): readonly Rlimit[] {
  return Object.entries(ulimits).map(([name, limit]) => {
    const { soft, hard } = typeof limit === "number" ? { soft: limit, hard: limit } : limit;
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: specValue(soft), hard: specValue(hard) };
  });
}

function specValue(value: number): number {
  return value < 0 || value > Number.MAX_SAFE_INTEGER ? UNLIMITED : value;
}

/** One limit as the plan has it: its name for people, then what setrlimit(2) takes. */
export type KernelLimit = readonly [name: UlimitName, resource: number, soft: bigint, hard: bigint];

/** Throws `INVALID_ARGUMENT` for a limit that is unknown, given twice, or higher than its hard one. */
export function kernelLimits(limits: readonly Rlimit[]): readonly KernelLimit[] {
  const seen = new Set<string>();
  return limits.map(({ type, soft, hard }) => {
    const name = type.replace(/^RLIMIT_/, "").toLowerCase();
    if (!type.startsWith("RLIMIT_") || !isUlimitName(name))
      throw wrong(`no limit is called ${type}`);
    if (seen.has(name)) throw wrong(`${type} is there twice`);
    seen.add(name);
    if (!isLimit(soft) || !isLimit(hard))
      throw wrong(`${type} needs whole numbers as soft and hard`);
    if (soft > hard) throw wrong(`${type}: soft ${soft} is more than hard ${hard}`);
    return [name, NUMBERS[name], kernelValue(soft), kernelValue(hard)];
  });
}

function isLimit(value: Whole64): boolean {
  return (typeof value === "bigint" || Number.isInteger(value)) && value >= 0;
}

function kernelValue(value: Whole64): bigint {
  return value >= UNLIMITED ? 2n ** 64n - 1n : BigInt(value);
}

function wrong(what: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `config.json: process.rlimits: ${what}`, {
    details: { field: "process.rlimits" },
  });
}
