/** Checks of what confines a container: limits, namespaces, groups. */
import { MarmitaError } from "../errors.ts";
import type { ConfinementOptions, Device } from "../runtime/confinement.ts";
import { parseSignal } from "../runtime/signals.ts";
import { sysctlNamespace } from "../runtime/sysctls.ts";
import { parseUserns } from "../runtime/userns.ts";
import { isUlimitName, ULIMIT_NAMES, type Ulimits } from "../runtime/ulimits.ts";
import {
  check,
  type Check,
  type Checks,
  entries,
  flag,
  isText,
  oneOf,
  quote,
  wholeNumber,
  word,
  wrong,
} from "../util/check.ts";
import { insidePath } from "./mount-checks.ts";

const HOSTNAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
const HOSTNAME_MAX = 64;
const TIMER_MAX_MS = 2 ** 31 - 1;

export const CONFINEMENT_CHECKS: Checks<ConfinementOptions> = {
  init: flag,
  domainname: hostname,
  ulimits,
  oomScoreAdj: wholeNumber("points", -1000, 1000),
  sysctls,
  pid: namespaceMode("pid", ["private", "host"]),
  ipc: namespaceMode("ipc", ["private", "shareable", "none", "host"]),
  uts: oneOf("private", "host"),
  cgroupns: oneOf("private", "host"),
  userns,
  groupAdd,
  umask: wholeNumber("permission bits", 0, 0o777),
  stopSignal,
  stopTimeoutMs: wholeNumber("milliseconds", -1, TIMER_MAX_MS),
  annotations,
  devices,
  readOnlyTmpfs: flag,
  shmSizeBytes: wholeNumber("bytes", 1, Number.MAX_SAFE_INTEGER),
};

/** Throws as the checks do. */
export function checkConfinement(value: unknown): asserts value is ConfinementOptions {
  check<ConfinementOptions>(CONFINEMENT_CHECKS, Object.fromEntries(entries(value, "confinement")));
}

/** Those of `options` that are of this kind, in a form that JSON can hold. */
export function confinementOf(options: ConfinementOptions): ConfinementOptions {
  const names = new Set(Object.keys(CONFINEMENT_CHECKS));
  const found = Object.entries(options).filter(([name, value]) => {
    return names.has(name) && value !== undefined;
  });
  const { ulimits, ...rest }: ConfinementOptions = Object.fromEntries(found);
  return { ...rest, ...(ulimits !== undefined && { ulimits: storable(ulimits) }) };
}

/** There is no Infinity in JSON. */
function storable(ulimits: Ulimits): Ulimits {
  const finite = (value: number) => (value === Infinity ? -1 : value);
  return Object.fromEntries(
    Object.entries(ulimits).map(([name, limit]) => [
      name,
      typeof limit === "number"
        ? finite(limit)
        : { soft: finite(limit.soft), hard: finite(limit.hard) },
    ]),
  );
}

/** A machine's or a domain's. */
export function hostname(value: unknown, name: string): void {
  if (isText(value) && HOSTNAME.test(value) && value.length <= HOSTNAME_MAX) return;
  throw wrong(name, `${HOSTNAME_MAX} letters, digits, "." and "-" or less`, value);
}

function ulimits(value: unknown, name: string): void {
  for (const [key, limit] of entries(value, name)) {
    if (!isUlimitName(key)) throw wrong(name, `limits of ${ULIMIT_NAMES.join(", ")}`, key);
    ulimit(limit, `${name}.${key}`);
  }
}

function ulimit(value: unknown, name: string): void {
  if (typeof value === "number") return limitValue(value, name);
  const given = new Map(entries(value, name));
  for (const key of given.keys()) {
    if (key !== "soft" && key !== "hard") throw wrong(name, "a number, or soft and hard", value);
  }
  const [soft, hard] = [given.get("soft"), given.get("hard")];
  limitValue(soft, `${name}.soft`);
  limitValue(hard, `${name}.hard`);
  if (amount(soft) > amount(hard)) throw wrong(name, "a soft limit of at most the hard one", value);
}

function limitValue(value: unknown, name: string): void {
  if (value === Infinity || (Number.isSafeInteger(value) && Number(value) >= -1)) return;
  throw wrong(name, "a whole number, or -1 for no limit", value);
}

function amount(value: unknown): number {
  return Number(value) < 0 ? Infinity : Number(value);
}

function sysctls(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (sysctlNamespace(key) === undefined) {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        `sysctl ${quote(key)} is not allowed: it is of the whole machine, or no name`,
        {
          hint: key.endsWith("hostname")
            ? 'The option "hostname" sets it.'
            : "Those of a container's own namespaces are net.*, kernel.shm*, kernel.msg*, " +
              "kernel.sem, fs.mqueue.* and kernel.domainname.",
          details: { option: name, sysctl: key },
        },
      );
    }
    if (!isText(text)) throw wrong(`${name}.${key}`, "a string", text);
  }
}

const CONTAINER = /^container:[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

function namespaceMode(option: string, modes: readonly string[]): Check {
  return (value, name) => {
    word(value, name);
    const text = String(value);
    if (modes.includes(text) || CONTAINER.test(text)) return;
    if (/^(?:ns:|pod$)/.test(text)) {
      throw new MarmitaError("UNSUPPORTED", `${option} ${quote(text)} is not supported`, {
        details: { option: name, value },
      });
    }
    throw wrong(name, [...modes, "container:<name or id>"].map(quote).join(" or "), value);
  };
}

function userns(value: unknown, name: string): void {
  if (!isText(value)) throw wrong(name, "a string", value);
  parseUserns(value, { uid: 0, gid: 0 });
}

const device: Checks<Device> = { source: insidePath, target: insidePath };

function devices(value: unknown, name: string): void {
  if (!Array.isArray(value)) throw wrong(name, "an array of devices", value);
  for (const [index, item] of value.entries()) {
    const given = Object.fromEntries(entries(item, `${name}[${index}]`));
    if (given["source"] === undefined) throw wrong(`${name}[${index}].source`, "given", undefined);
    check<object>(device, given);
  }
}

function groupAdd(value: unknown, name: string): void {
  const isGroup = (one: unknown) => isText(one) && /^[^:\s]+$/.test(one);
  if (Array.isArray(value) && value.every(isGroup)) return;
  throw wrong(name, "an array of names or numbers of groups", value);
}

function stopSignal(value: unknown, name: string): void {
  word(value, name);
  if (parseSignal(String(value)) === undefined)
    throw wrong(name, "a signal's name or number", value);
}

function annotations(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "") throw wrong(name, "an object whose keys are not empty", key);
    if (typeof text !== "string") throw wrong(`${name}.${key}`, "a string", text);
    if (key.startsWith("run.oci.")) {
      throw new MarmitaError("UNSUPPORTED", `annotation ${quote(key)} is not supported`, {
        hint: key.endsWith("keep_original_groups") ? 'Use groupAdd: ["keep-groups"].' : undefined,
        details: { option: name, annotation: key },
      });
    }
  }
}
