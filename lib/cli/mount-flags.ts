/** `-v`, `--mount` and `--tmpfs` in Docker's syntaxes → the mounts of a container. */
import { resolve } from "node:path";
import type { BindMount, Mount, TmpfsMount } from "../engine/container-options.ts";
import { MarmitaError } from "../errors.ts";
import { parseMemorySize } from "./units.ts";

const invalid = (why: string) => new MarmitaError("INVALID_ARGUMENT", why);
const unsupported = (what: string) => new MarmitaError("UNSUPPORTED", what);

/** `SOURCE:TARGET[:OPTIONS]`. Throws `UNSUPPORTED` for volumes, which come later. */
export function parseVolume(text: string): BindMount {
  const parts = text.split(":");
  const [source = "", target, options = ""] = parts;
  if (text === "" || parts.length > 3 || parts.slice(0, 2).includes("")) {
    throw invalid("expected SOURCE:TARGET[:OPTIONS]");
  }
  if (target === undefined) throw unsupported("-v with an anonymous volume");
  if (!/^[./]/.test(source)) throw unsupported("-v with a named volume");
  if (!target.startsWith("/")) throw invalid(`expected an absolute TARGET, got '${target}'`);
  return { type: "bind", source: resolve(source), target, ...volumeOptions(options) };
}

function volumeOptions(options: string): { readOnly?: boolean } {
  let readOnly: boolean | undefined;
  for (const option of options.split(",").filter((word) => word !== "")) {
    if (option !== "ro" && option !== "rw") throw unsupported(`-v with the option ${option}`);
    if (readOnly !== undefined) throw invalid("expected one of ro and rw");
    readOnly = option === "ro";
  }
  return readOnly === true ? { readOnly } : {};
}

const KEY_ALIASES = new Map([
  ["src", "source"],
  ["dst", "target"],
  ["destination", "target"],
  ["ro", "readonly"],
]);

const KNOWN_KEYS = new Set(["type", "source", "target", "readonly", "tmpfs-size", "tmpfs-mode"]);

/** Docker's keys, and Podman's, which are not there yet. */
const LATER_KEYS =
  /^(bind-.*|volume-.*|image-.*|tmpfs-options|consistency|relabel|chown|U|notmpcopyup|idmap)$/;
const LATER_TYPES = new Set(["volume", "npipe", "image", "cluster", "devpts", "ramfs", "glob"]);

/** `type=bind,source=…,target=…,readonly` or `type=tmpfs,target=…,tmpfs-size=…,tmpfs-mode=…`. */
export function parseMount(text: string): Mount {
  const fields = new Map<string, string>();
  for (const field of splitFields(text)) {
    const [key, value] = parseField(field);
    fields.set(key, value);
  }

  const target = fields.get("target") ?? "";
  if (target === "") throw invalid("target is required");
  if (!target.startsWith("/")) throw invalid(`expected an absolute target, got '${target}'`);
  const type = fields.get("type") ?? "volume";
  if (type === "bind") return bindMount(target, fields);
  if (type === "tmpfs") return tmpfsMount(target, fields);
  if (LATER_TYPES.has(type)) throw unsupported(`--mount type=${type}`);
  throw invalid(`unknown mount type '${type}'`);
}

function parseField(field: string): readonly [string, string] {
  const equals = field.indexOf("=");
  const name = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
  const key = KEY_ALIASES.get(name) ?? name;
  if (LATER_KEYS.test(key)) throw unsupported(`--mount with ${name}`);
  if (!KNOWN_KEYS.has(key)) {
    if (equals < 0) throw invalid(`invalid field '${field}' must be a key=value pair`);
    throw invalid(`unexpected key '${name}' in '${field}'`);
  }
  if (equals >= 0) return [key, field.slice(equals + 1)];
  if (key !== "readonly") throw invalid(`invalid field '${field}' must be a key=value pair`);
  return [key, "true"];
}

function bindMount(target: string, fields: ReadonlyMap<string, string>): BindMount {
  refuseKeys(fields, ["tmpfs-size", "tmpfs-mode"], "bind");
  const source = fields.get("source") ?? "";
  if (source === "") throw invalid("source is required for a bind mount");
  const mount = { type: "bind", source: resolve(source), target } as const;
  return isReadOnly(fields) ? { ...mount, readOnly: true } : mount;
}

function tmpfsMount(target: string, fields: ReadonlyMap<string, string>): TmpfsMount {
  refuseKeys(fields, ["source"], "tmpfs");
  if (isReadOnly(fields)) throw unsupported("--mount type=tmpfs with readonly");
  return tmpfs(target, fields.get("tmpfs-size"), fields.get("tmpfs-mode"));
}

function refuseKeys(
  fields: ReadonlyMap<string, string>,
  keys: readonly string[],
  type: string,
): void {
  const found = keys.find((key) => fields.has(key));
  if (found !== undefined) throw invalid(`cannot mix '${found}' with mount type '${type}'`);
}

function isReadOnly(fields: ReadonlyMap<string, string>): boolean {
  const value = fields.get("readonly") ?? "false";
  if (["true", "1"].includes(value)) return true;
  if (["false", "0"].includes(value)) return false;
  throw invalid(`invalid value for readonly: ${value}`);
}

/** What Docker mounts a tmpfs with unless told otherwise, and we always. */
const TMPFS_ALWAYS = new Set(["rw", "nosuid", "nodev", "noexec"]);

/** `TARGET[:size=64m,mode=1777]`. */
export function parseTmpfs(text: string): TmpfsMount {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  if (!target.startsWith("/")) throw invalid(`expected an absolute path, got '${target}'`);

  let size: string | undefined;
  let mode: string | undefined;
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const [key = "", value] = option.split("=");
    if (key === "size" && value !== undefined) size = value;
    else if (key === "mode" && value !== undefined) mode = value;
    else if (option !== "" && !TMPFS_ALWAYS.has(option)) {
      throw unsupported(`--tmpfs with the option ${key}`);
    }
  }
  return tmpfs(target, size, mode);
}

function tmpfs(target: string, size: string | undefined, mode: string | undefined): TmpfsMount {
  const sizeBytes = size === undefined ? undefined : parseMemorySize(size);
  if (size !== undefined && (sizeBytes ?? 0) <= 0) throw invalid(`invalid size '${size}'`);
  if (mode !== undefined && !/^0?[0-7]{1,4}$/.test(mode)) throw invalid(`invalid mode '${mode}'`);
  return {
    type: "tmpfs",
    target,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
  };
}

/** One line of CSV, as Docker reads `--mount`: a field may stand in quotes, `""` is a quote. */
function splitFields(text: string): string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) throw invalid("a quote stands where none can");
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
    rest = rest.slice(match[0].length);
  }
}
