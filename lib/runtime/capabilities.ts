/** Linux capabilities: names, bits, and the set a container gets unless told otherwise. */
import { readFileSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { closest } from "../util/closest.ts";

/** By number, linux/capability.h. */
export const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export type CapabilityName = (typeof CAPABILITIES)[number];

/** Docker's fourteen (moby, daemon/pkg/oci/caps/defaults.go). */
export const DEFAULT_CAPABILITIES: readonly CapabilityName[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** What stands for every capability in what callers add and drop. */
export const ALL = "ALL";

/**
 * `net_raw`, `CAP_NET_RAW` → `CAP_NET_RAW`; `all` → `ALL`. Throws `INVALID_ARGUMENT` for a name
 * that Linux does not have, with what may have been meant.
 */
export function parseCapability(text: string): CapabilityName | typeof ALL {
  const upper = text.toUpperCase();
  if (upper === ALL) return ALL;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  const found = CAPABILITIES.find((one) => one === name);
  if (found !== undefined) return found;
  const near = closest(name, CAPABILITIES);
  const meant = near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : "";
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `no such capability: ${JSON.stringify(text)}${meant}`,
    {
      details: { capability: text },
    },
  );
}

export interface CapabilityChanges {
  readonly add?: readonly string[] | undefined;
  readonly drop?: readonly string[] | undefined;
}

/**
 * Docker's set with what was added and dropped, as Docker orders it: what is added is there though
 * it was dropped too, but for what is dropped of `ALL`. `last` is the highest number that the
 * kernel knows. Throws `UNSUPPORTED` for one it does not know.
 */
export function containerCapabilities(
  { add = [], drop = [] }: CapabilityChanges,
  last: number = lastCapability(),
): readonly CapabilityName[] {
  const known = CAPABILITIES.slice(0, last + 1);
  const dropped = drop.map(parseCapability);
  const added = add.map(parseCapability);
  if (added.includes(ALL)) return known.filter((name) => !dropped.includes(name));
  const named = added.filter((name) => name !== ALL);
  for (const name of named) if (!known.includes(name)) throw notHere(name);
  const kept = dropped.includes(ALL)
    ? []
    : DEFAULT_CAPABILITIES.filter((name) => !dropped.includes(name) && known.includes(name));
  return [...new Set([...kept, ...named])];
}

function notHere(name: CapabilityName): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `this kernel has no ${name}`, {
    details: { capability: name },
  });
}

let lastKnown: number | undefined;

/** The highest number that this kernel knows. */
function lastCapability(): number {
  lastKnown ??= readLastCapability();
  return lastKnown;
}

function readLastCapability(): number {
  const newest = CAPABILITIES.length - 1;
  try {
    const text = readFileSync("/proc/sys/kernel/cap_last_cap", "utf8");
    return Math.min(newest, Number.parseInt(text, 10) || newest);
  } catch {
    return newest;
  }
}

/** A set as the kernel's bit mask. Throws `INVALID_ARGUMENT` for a name Linux does not have. */
export function capabilityMask(names: readonly string[]): number {
  const bits = new Set(names.map(bitOf));
  return [...bits].reduce((mask, bit) => mask + 2 ** bit, 0);
}

/** Whether Linux has one of this name. */
export function isCapability(name: string): name is CapabilityName {
  return CAPABILITIES.some((one) => one === name);
}

function bitOf(name: string): number {
  const bit = CAPABILITIES.findIndex((one) => one === name);
  if (bit >= 0) return bit;
  throw new MarmitaError("INVALID_ARGUMENT", `no such capability: ${JSON.stringify(name)}`);
}

/** What a process, by its /proc/PID/status, may use and give. */
export function permittedCapabilities(status: string): readonly CapabilityName[] {
  const permitted = /^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  const mask = BigInt(`0x${permitted}`);
  return CAPABILITIES.filter((_name, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

/** Whether a process, by its /proc/PID/status, may use all of these in its user namespace. */
export function hasCapabilities(status: string, names: readonly CapabilityName[]): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined) return false;
  const mask = BigInt(`0x${effective}`);
  return names.every((name) => ((mask >> BigInt(bitOf(name))) & 1n) === 1n);
}
