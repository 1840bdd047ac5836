/** Limits and annotations → properties of a scope, so that systemd does not set its own again. */
import { MarmitaError } from "../errors.ts";
import type { Cpu, Resources, Whole64 } from "../oci/runtime-spec.ts";
import { weightOfShares } from "./cgroup-resources.ts";
import type { UnitProperty } from "./cgroup-systemd.ts";

/** What systemd writes for `infinity`. */
const INFINITE = "18446744073709551615";

/**
 * As far as systemd has a word for it: all of it is written to the group's files besides. `writes`
 * names the file each goes to, as in `unified`.
 */
export function scopeProperties(resources: Resources): readonly UnitProperty[] {
  const { memory = {}, cpu = {}, pids, unified = {} } = resources;
  const swap = memory.swap === undefined ? undefined : swapAlone(memory.swap, memory.limit);
  return [
    ...size("MemoryMax", memory.limit ?? ofUnified(unified["memory.max"])),
    ...size("MemoryLow", memory.reservation ?? ofUnified(unified["memory.low"])),
    ...size("MemorySwapMax", swap ?? ofUnified(unified["memory.swap.max"])),
    ...size("MemoryHigh", ofUnified(unified["memory.high"])),
    ...size("MemoryMin", ofUnified(unified["memory.min"])),
    ...size("TasksMax", tasks(pids?.limit) ?? ofUnified(unified["pids.max"])),
    ...cpuProperties(cpu),
  ];
}

function size(name: string, value: Whole64 | undefined): readonly UnitProperty[] {
  return value === undefined ? [] : [[name, "t", value < 0 ? INFINITE : String(value)]];
}

function ofUnified(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === "max") return -1n;
  return /^\d{1,19}$/.test(text.trim()) ? BigInt(text.trim()) : undefined;
}

const tasks = (limit: Whole64 | undefined) =>
  limit === undefined || Number(limit) === 0 ? undefined : limit;

function swapAlone(swap: Whole64, limit: Whole64 | undefined): Whole64 {
  return swap <= 0 || limit === undefined ? swap : BigInt(swap) - BigInt(limit);
}

const MICROSECONDS = 1_000_000n;
/** systemd keeps hundredths of a processor. */
const STEP_US = 10_000n;

function cpuProperties({ shares, quota, period, cpus, mems }: Cpu): readonly UnitProperty[] {
  const properties: UnitProperty[] = [];
  if (shares !== undefined && shares > 0) {
    properties.push(["CPUWeight", "t", String(weightOfShares(Number(shares)))]);
  }
  if (quota !== undefined && quota > 0 && period !== undefined && period > 0) {
    const perSecond = (BigInt(quota) * MICROSECONDS) / BigInt(period);
    const rounded = ((perSecond + STEP_US - 1n) / STEP_US) * STEP_US;
    properties.push(["CPUQuotaPerSecUSec", "t", String(rounded)]);
    properties.push(["CPUQuotaPeriodUSec", "t", String(period)]);
  }
  if (cpus) properties.push(["AllowedCPUs", "ay", ...bitmask(cpus, "cpu.cpus")]);
  if (mems) properties.push(["AllowedMemoryNodes", "ay", ...bitmask(mems, "cpu.mems")]);
  return properties;
}

const MOST_CPUS = 8_192;

/** `0-3,7` → a count and as many bytes, the lowest numbers first. */
function bitmask(list: string, name: string): readonly string[] {
  const bytes: number[] = [];
  for (const range of list.split(",").map((word) => word.trim())) {
    const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === "" || Number(last) >= MOST_CPUS || Number(last) < Number(first)) {
      const field = `linux.resources.${name}`;
      const message = `${field} ${JSON.stringify(list)} is no list like "0-3,7"`;
      throw new MarmitaError("INVALID_ARGUMENT", message, { details: { field, value: list } });
    }
    for (let number = Number(first); number <= Number(last); number++) {
      while (bytes.length <= number >> 3) bytes.push(0);
      bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
    }
  }
  return [String(bytes.length), ...bytes.map(String)];
}

const PREFIX = "org.systemd.property.";

/**
 * Annotations `org.systemd.property.NAME`, whose values are of GVariant's text form: `true`,
 * `'text'`, `['a', 'b']`, `uint64 1`, `1`. Throws `INVALID_ARGUMENT`.
 */
export function annotatedProperties(
  annotations: Readonly<Record<string, string>>,
): readonly UnitProperty[] {
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, value]) => parseProperty(key, value.trim()));
}

const NUMBER_TYPES: Readonly<Record<string, string>> = {
  uint64: "t",
  int64: "x",
  uint32: "u",
  int32: "i",
};
const TEXT = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/;

function parseProperty(key: string, value: string): UnitProperty {
  const name = key.slice(PREFIX.length);
  if (!/^[A-Z][A-Za-z0-9]+$/.test(name)) throw invalid(key, value);
  if (value === "true" || value === "false") return [name, "b", value];
  const [, type = "int32", digits = ""] = /^(?:(u?int(?:32|64)) )?(-?\d+)$/.exec(value) ?? [];
  if (digits !== "") return numberProperty(name, NUMBER_TYPES[type] ?? "i", digits);
  const text = new RegExp(`^(?:${TEXT.source})$`).exec(value);
  if (text !== null) return [name, "s", unescaped(text[1] ?? text[2] ?? "")];
  const list = parseList(value);
  if (list === undefined) throw invalid(key, value);
  return [name, "as", String(list.length), ...list];
}

/** Times are in microseconds on the bus: `TimeoutStopSec` is `TimeoutStopUSec` there. */
function numberProperty(name: string, type: string, digits: string): UnitProperty {
  if (!/[^U]Sec$/.test(name)) return [name, type, digits];
  return [`${name.slice(0, -3)}USec`, type, String(BigInt(digits) * MICROSECONDS)];
}

function parseList(value: string): readonly string[] | undefined {
  const inner = /^\[(.*)\]$/s.exec(value)?.[1]?.trim();
  if (inner === undefined) return undefined;
  if (inner === "") return [];
  const item = `\\s*(?:${TEXT.source})\\s*`;
  if (!new RegExp(`^${item}(?:,${item})*$`).test(inner)) return undefined;
  return [...inner.matchAll(new RegExp(TEXT.source, "g"))].map(([, one, other]) =>
    unescaped(one ?? other ?? ""),
  );
}

const unescaped = (text: string) => text.replaceAll(/\\(.)/g, "$1");

function invalid(key: string, value: string): MarmitaError {
  const field = `annotations.${key}`;
  const message = `${field} ${JSON.stringify(value)} is no property of a systemd unit`;
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { field, value } });
}
