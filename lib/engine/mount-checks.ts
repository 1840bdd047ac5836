/** Checks of the option `mounts`. */
import { MarmitaError } from "../errors.ts";
import { PROPAGATIONS } from "../runtime/mount-options.ts";
import { tmpfsOptionFault } from "../runtime/tmpfs-options.ts";
import {
  type Check,
  type Checks,
  entries,
  flag,
  isText,
  oneOf,
  quote,
  wholeNumber,
  word,
  words,
  wrong,
} from "../util/check.ts";
import type { BindMount, Mount, MountRestrictions, TmpfsMount } from "./mounts.ts";

const restrictions: Checks<MountRestrictions> = { noexec: flag, nosuid: flag, nodev: flag };

const bindMount: Checks<BindMount> = {
  type: word,
  source: word,
  target: insidePath,
  readOnly: flag,
  readOnlyRecursive: flag,
  recursive: flag,
  propagation: oneOf(...PROPAGATIONS),
  createSource: flag,
  idmap: flag,
  relabel: oneOf("shared", "private"),
  ...restrictions,
};
const tmpfsMount: Checks<TmpfsMount> = {
  type: word,
  target: insidePath,
  readOnly: flag,
  sizeBytes: wholeNumber("bytes", 1, Number.MAX_SAFE_INTEGER),
  mode: wholeNumber("permission bits", 0, 0o7777),
  options: tmpfsOptions,
};

/** By type: what each field must be, and which must be there. */
const TYPES = {
  bind: { checks: bindMount, required: ["source", "target"] },
  tmpfs: { checks: tmpfsMount, required: ["target"] },
} as const satisfies Record<Mount["type"], unknown>;

export function mounts(value: unknown, name: string): void {
  if (!Array.isArray(value)) throw wrong(name, "an array of mounts", value);
  for (const [index, item] of value.entries()) checkMount(item, `${name}[${index}]`);
}

export function checkMount(value: unknown, name: string): asserts value is Mount {
  const given = new Map(entries(value, name));
  const type = given.get("type");
  if (type !== "bind" && type !== "tmpfs") {
    const types = Object.keys(TYPES).map((one) => quote(one));
    throw wrong(`${name}.type`, types.join(" or "), type);
  }
  const checks = new Map<string, Check>(Object.entries(TYPES[type].checks));
  for (const key of TYPES[type].required) {
    if (given.get(key) === undefined) throw wrong(`${name}.${key}`, "given", undefined);
  }
  for (const [key, item] of given) {
    const one = checks.get(key);
    if (one === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", `unknown option ${quote(`${name}.${key}`)}`);
    }
    if (item !== undefined) one(item, `${name}.${key}`);
  }
}

function tmpfsOptions(value: unknown, name: string): void {
  words(value, name);
  for (const [index, option] of entries(Object.assign({}, value), name)) {
    const fault = typeof option === "string" ? tmpfsOptionFault(option) : "invalid";
    if (fault === undefined) continue;
    if (fault === "invalid") throw wrong(`${name}[${index}]`, "an option of a tmpfs", option);
    const message = `a tmpfs with the option ${quote(option)} is not supported`;
    throw new MarmitaError("UNSUPPORTED", message, { details: { option: name, value: option } });
  }
}

export function insidePath(value: unknown, name: string): void {
  if (isText(value) && value.startsWith("/")) return;
  throw wrong(name, "an absolute path", value);
}
