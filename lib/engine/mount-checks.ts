/** Checks of the option `mounts`. */
import { MarmitaError } from "../errors.ts";
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
  wrong,
} from "../util/check.ts";
import type { BindMount, TmpfsMount } from "./container-options.ts";

const bindMount: Checks<BindMount> = {
  type: word,
  source: word,
  target: insidePath,
  readOnly: flag,
};
const tmpfsMount: Checks<TmpfsMount> = {
  type: word,
  target: insidePath,
  sizeBytes: wholeNumber("bytes", 1, Number.MAX_SAFE_INTEGER),
  mode: wholeNumber("permission bits", 0, 0o7777),
};

export function mounts(value: unknown, name: string): void {
  if (!Array.isArray(value)) throw wrong(name, "an array of mounts", value);
  for (const [index, item] of value.entries()) mount(item, `${name}[${index}]`);
}

function mount(value: unknown, name: string): void {
  const given = new Map(entries(value, name));
  const type = given.get("type");
  oneOf("bind", "tmpfs")(type, `${name}.type`);
  const checks = new Map<string, Check>(Object.entries(type === "bind" ? bindMount : tmpfsMount));
  const required = type === "bind" ? ["source", "target"] : ["target"];
  for (const key of required) {
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

export function insidePath(value: unknown, name: string): void {
  if (isText(value) && value.startsWith("/")) return;
  throw wrong(name, "an absolute path", value);
}
