/** `--mount` in Docker's and Podman's syntax: `type=bind,source=…,target=…,readonly`. */
import { resolve } from "node:path";
import type {
  BindMount,
  ImageMount,
  Mount,
  MountRestrictions,
  TmpfsMount,
  VolumeMount,
} from "../engine/mounts.ts";
import { isPropagation } from "../runtime/mount-options.ts";
import { splitFields } from "./csv.ts";
import { SWITCH_VALUES } from "./flags.ts";
import { labels as labelsOf, parseKeyValue } from "./key-values.ts";
import { tmpfs } from "./tmpfs-flag.ts";
import { checkVolumeName, invalid, unsupported } from "./volume-flag.ts";

/** The keys of one mount, by their first spelling, with their values. */
class Fields {
  readonly #pairs: readonly (readonly [string, string])[];
  readonly #given: ReadonlyMap<string, string>;

  constructor(pairs: readonly (readonly [string, string])[]) {
    this.#pairs = pairs;
    this.#given = new Map(pairs);
  }

  /** Of a key that may be given more than once. */
  all(key: string): readonly string[] {
    return this.#pairs.filter(([one]) => one === key).map(([, value]) => value);
  }

  has(key: string): boolean {
    return this.#given.has(key);
  }

  text(key: string): string | undefined {
    return this.#given.get(key);
  }

  /** A key alone is true; Go's strconv.ParseBool reads its value. */
  flag(key: string): boolean | undefined {
    const text = this.#given.get(key);
    if (text === undefined) return undefined;
    const value = SWITCH_VALUES.get(text);
    if (value === undefined) throw invalid(`invalid value for ${key}: ${text}`);
    return value;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.#given.get(key);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw invalid(`invalid value for ${key}: ${text} (must be one of ${choices.join(", ")})`);
  }

  /** All keys are known; these are the ones that go with the mount's type. */
  allow(type: string, keys: ReadonlySet<string>): void {
    const found = [...this.#given.keys()].find((key) => !COMMON.has(key) && !keys.has(key));
    if (found !== undefined) throw invalid(`cannot mix '${found}' with mount type '${type}'`);
  }
}

const ALIASES = new Map([
  ["src", "source"],
  ["dst", "target"],
  ["destination", "target"],
  ["ro", "readonly"],
  ["readwrite", "rw"],
  ["bind-create-src", "bind-create-mountpoint"],
]);

/** Keys that may stand alone. */
const SWITCHES = new Set([
  "rw",
  "readonly",
  "bind-nonrecursive",
  "bind-create-mountpoint",
  "volume-nocopy",
  "idmap",
  "notmpcopyup",
  "noexec",
  "exec",
  "nosuid",
  "suid",
  "nodev",
  "dev",
]);

const COMMON = new Set(["type", "target", "readonly", "consistency"]);
const RESTRICTIONS = ["noexec", "exec", "nosuid", "suid", "nodev", "dev"];
const BIND_KEYS = new Set([
  "source",
  "bind-propagation",
  "bind-nonrecursive",
  "bind-recursive",
  "bind-create-mountpoint",
  "relabel",
  "idmap",
  ...RESTRICTIONS,
]);
const VOLUME_KEYS = new Set([
  "source",
  "volume-nocopy",
  "volume-subpath",
  "volume-label",
  "volume-driver",
  ...RESTRICTIONS,
]);
const IMAGE_KEYS = new Set(["source", "image-subpath", "rw", ...RESTRICTIONS]);
const TMPFS_KEYS = new Set(["tmpfs-size", "tmpfs-mode", "notmpcopyup", ...RESTRICTIONS]);
const KNOWN = new Set([
  "subpath",
  ...COMMON,
  ...BIND_KEYS,
  ...VOLUME_KEYS,
  ...IMAGE_KEYS,
  ...TMPFS_KEYS,
]);

/** Docker's keys, and Podman's, which are not there. */
const REFUSED_KEYS = /^(?:volume-opt|tmpfs-options|tmpcopyup|chown|u|o|no-dereference)$/;
const REFUSED_TYPES = new Set(["npipe", "cluster", "devpts", "ramfs", "glob", "artifact"]);

/** Throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what is Docker's or Podman's and not ours. */
export function parseMount(text: string): Mount {
  const fields = new Fields(withSubpath(splitFields(text).map(parseField)));
  const target = fields.text("target") ?? "";
  if (target === "") throw invalid("target is required");
  if (!target.startsWith("/")) throw invalid(`expected an absolute target, got '${target}'`);
  fields.oneOf("consistency", ["default", "consistent", "cached", "delegated"]);
  const type = fields.text("type") ?? "volume";
  if (type === "bind") return bindMount(target, fields);
  if (type === "volume") return volumeMount(target, fields);
  if (type === "image") return imageMount(target, fields);
  if (type === "tmpfs") return tmpfsMount(target, fields);
  if (REFUSED_TYPES.has(type)) throw unsupported(`--mount type=${type}`);
  throw invalid(`unknown mount type '${type}'`);
}

/** Podman's word for a part of either. */
function withSubpath(
  pairs: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const type = pairs.findLast(([key]) => key === "type")?.[1] ?? "volume";
  if (type !== "volume" && type !== "image") return pairs;
  return pairs.map(([key, value]) => [key === "subpath" ? `${type}-subpath` : key, value]);
}

function parseField(field: string): readonly [string, string] {
  const equals = field.indexOf("=");
  const name = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
  const key = ALIASES.get(name) ?? name;
  if (REFUSED_KEYS.test(key)) throw unsupported(`--mount with ${name}`);
  if (!KNOWN.has(key)) {
    if (equals < 0) throw invalid(`invalid field '${field}' must be a key=value pair`);
    throw invalid(`unexpected key '${name}' in '${field}'`);
  }
  if (equals >= 0) return [key, field.slice(equals + 1)];
  if (!SWITCHES.has(key)) throw invalid(`invalid field '${field}' must be a key=value pair`);
  return [key, "true"];
}

function bindMount(target: string, fields: Fields): BindMount {
  fields.allow("bind", BIND_KEYS);
  const source = fields.text("source") ?? "";
  if (source === "") throw invalid("source is required for a bind mount");
  const relabel = fields.oneOf("relabel", ["shared", "private"]);
  const readOnly = fields.flag("readonly") === true;
  return {
    type: "bind",
    source: resolve(source),
    target,
    ...(readOnly ? { readOnly } : {}),
    ...recursion(fields, readOnly),
    ...propagationOf(fields),
    ...(fields.flag("bind-create-mountpoint") === true ? { createSource: true } : {}),
    ...(relabel === undefined ? {} : { relabel }),
    ...idmapOf(fields),
    ...restrictionsOf(fields),
  };
}

/** docker run, "bind-recursive"; `bind-nonrecursive` is its older form. */
function recursion(fields: Fields, readOnly: boolean): Partial<BindMount> {
  const key = "bind-recursive";
  const how = fields.oneOf(key, ["enabled", "disabled", "writable", "readonly"]);
  if (how === "writable" || how === "readonly") {
    if (!readOnly) throw invalid(`'${key}=${how}' requires 'readonly'`);
    if (how === "writable") return { readOnlyRecursive: false };
    // What is mounted there later, and passed on, would not be read-only.
    if (fields.text("bind-propagation") !== "rprivate") {
      throw invalid(`'${key}=readonly' requires 'bind-propagation=rprivate'`);
    }
  }
  if (how === undefined) return fields.flag("bind-nonrecursive") === true ? FLAT : {};
  return how === "disabled" ? FLAT : {};
}

const FLAT = { recursive: false } as const;

function propagationOf(fields: Fields): Partial<BindMount> {
  const propagation = fields.text("bind-propagation");
  if (propagation === undefined) return {};
  if (isPropagation(propagation)) return { propagation };
  throw invalid(`invalid value for bind-propagation: ${propagation}`);
}

function idmapOf(fields: Fields): Partial<BindMount> {
  const text = fields.text("idmap");
  if (text === undefined) return {};
  if (text !== "true") throw unsupported(`--mount with idmap=${text}`);
  return { idmap: true };
}

function restrictionsOf(fields: Fields): MountRestrictions {
  const is = (name: string, opposite: string) => {
    return (fields.flag(name) ?? !(fields.flag(opposite) ?? true)) === true;
  };
  return {
    ...(is("noexec", "exec") ? { noexec: true } : {}),
    ...(is("nosuid", "suid") ? { nosuid: true } : {}),
    ...(is("nodev", "dev") ? { nodev: true } : {}),
  };
}

function volumeMount(target: string, fields: Fields): VolumeMount {
  fields.allow("volume", VOLUME_KEYS);
  const source = fields.text("source") ?? "";
  if (source !== "") checkVolumeName(source);
  const driver = fields.text("volume-driver") ?? "local";
  if (driver !== "local") throw unsupported(`--mount with volume-driver=${driver}`);
  const subpath = fields.text("volume-subpath") ?? "";
  const labels = fields.all("volume-label").map(parseKeyValue);
  return {
    type: "volume",
    ...(source === "" ? {} : { source }),
    target,
    ...(fields.flag("readonly") === true ? { readOnly: true } : {}),
    ...(fields.flag("volume-nocopy") === true ? { copy: false } : {}),
    ...(subpath === "" ? {} : { subpath }),
    ...(labels.length === 0 ? {} : { labels: labelsOf(labels) }),
    ...restrictionsOf(fields),
  };
}

function imageMount(target: string, fields: Fields): ImageMount {
  fields.allow("image", IMAGE_KEYS);
  const source = fields.text("source") ?? "";
  if (source === "") throw invalid("source is required for an image mount");
  const isWritable = fields.flag("rw") ?? fields.flag("readonly") === false;
  const subpath = fields.text("image-subpath") ?? "";
  return {
    type: "image",
    source,
    target,
    ...(isWritable ? { readOnly: false } : {}),
    ...(subpath === "" ? {} : { subpath }),
    ...restrictionsOf(fields),
  };
}

function tmpfsMount(target: string, fields: Fields): TmpfsMount {
  fields.allow("tmpfs", TMPFS_KEYS);
  const allowed = (name: string, opposite: string) => {
    return (fields.flag(name) ?? !(fields.flag(opposite) ?? true)) === true ? [name] : [];
  };
  const mount = tmpfs(target, {
    size: fields.text("tmpfs-size"),
    mode: fields.text("tmpfs-mode"),
    options: [
      ...allowed("exec", "noexec"),
      ...allowed("suid", "nosuid"),
      ...allowed("dev", "nodev"),
    ],
  });
  return fields.flag("readonly") === true ? { ...mount, readOnly: true } : mount;
}
