/** Checks of the option `mounts`. */
import { MarmitaError } from "../errors.ts";
import { parseDigest } from "../oci/digest.ts";
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
import type {
  BindMount,
  ImageMount,
  Mount,
  MountRestrictions,
  RecordedImageMount,
  RecordedMount,
  RecordedVolume,
  TmpfsMount,
  VolumeMount,
} from "./mounts.ts";

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Room is left for what stands before it in the trash. */
const VOLUME_NAME_MAX = 240;

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

const volumeMount: Checks<VolumeMount> = {
  type: word,
  source: volumeName,
  target: insidePath,
  readOnly: flag,
  copy: flag,
  subpath,
  labels,
  ...restrictions,
};
const imageMount: Checks<ImageMount> = {
  type: word,
  source: word,
  target: insidePath,
  readOnly: flag,
  subpath,
  ...restrictions,
};
const recordedImage: Checks<RecordedImageMount> = { ...imageMount, id: digest };
const recordedVolume: Checks<RecordedVolume> = { ...volumeMount, anonymous: flag };

interface MountType {
  readonly checks: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
}

/** By type: what each field must be, and which must be there. */
const TYPES: Readonly<Record<Mount["type"], MountType>> = {
  bind: { checks: bindMount, required: ["source", "target"] },
  tmpfs: { checks: tmpfsMount, required: ["target"] },
  volume: { checks: volumeMount, required: ["target"] },
  image: { checks: imageMount, required: ["source", "target"] },
};

const RECORDED_TYPES: Readonly<Record<RecordedMount["type"], MountType>> = {
  ...TYPES,
  volume: { checks: recordedVolume, required: ["source", "target"] },
  image: { checks: recordedImage, required: ["source", "target", "id"] },
};

export function mounts(value: unknown, name: string): void {
  if (!Array.isArray(value)) throw wrong(name, "an array of mounts", value);
  for (const [index, item] of value.entries()) checkMount(TYPES, item, `${name}[${index}]`);
}

/** One of a container's record. */
export function checkRecordedMount(value: unknown, name: string): asserts value is RecordedMount {
  checkMount(RECORDED_TYPES, value, name);
}

function checkMount(
  types: Readonly<Record<string, MountType>>,
  value: unknown,
  name: string,
): void {
  const given = new Map(entries(value, name));
  const type = given.get("type");
  if (typeof type !== "string" || !Object.hasOwn(types, type)) {
    throw wrong(
      `${name}.type`,
      Object.keys(types)
        .map((one) => quote(one))
        .join(" or "),
      type,
    );
  }
  const { checks = {}, required = [] } = types[type] ?? {};
  for (const key of required) {
    if (given.get(key) === undefined) throw wrong(`${name}.${key}`, "given", undefined);
  }
  for (const [key, item] of given) {
    const one = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (one === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", `unknown option ${quote(`${name}.${key}`)}`);
    }
    if (item !== undefined) one(item, `${name}.${key}`);
  }
}

function digest(value: unknown, name: string): void {
  if (isText(value)) parseDigest(value, name);
  else throw wrong(name, "a digest", value);
}

/** Docker's rule. */
export function volumeName(value: unknown, name: string): void {
  if (isText(value) && VOLUME_NAME.test(value) && value.length <= VOLUME_NAME_MAX) return;
  throw wrong(name, `${VOLUME_NAME_MAX} characters or less of ${VOLUME_NAME.source}`, value);
}

/** Docker's: relative, and not out of the volume by itself. */
function subpath(value: unknown, name: string): void {
  if (isText(value) && value !== "" && !value.startsWith("/")) {
    if (!value.split("/").includes("..")) return;
  }
  throw wrong(name, 'a relative path without ".."', value);
}

export function labels(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "") throw wrong(name, "an object whose keys are not empty", key);
    if (typeof text !== "string") throw wrong(`${name}.${key}`, "a string", text);
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
