/** `-v` in Docker's and Podman's syntax: `[HOST|NAME:]TARGET[:OPTIONS]`. */
import { resolve } from "node:path";
import type { BindMount, Mount, MountRestrictions, VolumeMount } from "../engine/mounts.ts";
import { MarmitaError } from "../errors.ts";
import { isPropagation, type Propagation } from "../runtime/mount-options.ts";

export const invalid = (why: string) => new MarmitaError("INVALID_ARGUMENT", why);
export const unsupported = (what: string) => new MarmitaError("UNSUPPORTED", what);

/** Throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what is Podman's and not ours. */
export function parseVolume(text: string): Mount {
  const { source, target, options } = split(text);
  if (!target.startsWith("/")) throw invalid(`expected an absolute TARGET, got '${target}'`);
  const words = readOptions(options);
  if (source !== undefined && /^[./]/.test(source)) return bind(source, target, words);
  return volume(source, target, words);
}

/** Docker's, of the local driver. */
export function checkVolumeName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw invalid(
    `'${name}' is no name for a volume (two or more of [a-zA-Z0-9][a-zA-Z0-9_.-]); ` +
      "a path of the host is absolute or starts with ./",
  );
}

function volume(source: string | undefined, target: string, words: Words): VolumeMount {
  const { readOnly, copy, restrictions, relabel: _, ...others } = words;
  if (source !== undefined) checkVolumeName(source);
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`${OPTIONS_OF[other] ?? other} is for host paths`);
  return {
    type: "volume",
    ...(source === undefined ? {} : { source }),
    target,
    ...(readOnly === true ? { readOnly } : {}),
    ...(copy === false ? { copy } : {}),
    ...restrictions,
  };
}

const OPTIONS_OF: Readonly<Record<string, string>> = {
  propagation: "a propagation",
  recursive: "'bind' or 'rbind'",
  idmap: "'idmap'",
};

interface Parts {
  readonly source: string | undefined;
  readonly target: string;
  readonly options: string;
}

function split(text: string): Parts {
  const parts = text.split(":");
  const [first = "", second, third = ""] = parts;
  if (parts.length > 3 || first === "" || second === "") {
    throw invalid("expected [SOURCE:]TARGET[:OPTIONS]");
  }
  if (second === undefined) return { source: undefined, target: first, options: "" };
  // `/data:ro` is an anonymous volume: no target is a word of the options.
  const isOptions = parts.length === 2 && second.split(",").every(isOption);
  return isOptions
    ? { source: undefined, target: first, options: second }
    : { source: first, target: second, options: third };
}

/** What the options say, each kind of them once. */
interface Words {
  readonly readOnly?: boolean;
  readonly relabel?: "shared" | "private";
  readonly propagation?: Propagation;
  readonly recursive?: boolean;
  readonly copy?: boolean;
  readonly idmap?: boolean;
  readonly restrictions: MountRestrictions;
}

type Value = string | boolean;

/** Word → what it decides, and how. `consistency` means nothing on Linux, as in Docker. */
const WORDS: Readonly<Record<string, readonly [kind: string, value: Value]>> = {
  ro: ["readOnly", true],
  rw: ["readOnly", false],
  z: ["relabel", "shared"],
  Z: ["relabel", "private"],
  rbind: ["recursive", true],
  bind: ["recursive", false],
  copy: ["copy", true],
  nocopy: ["copy", false],
  idmap: ["idmap", true],
  noexec: ["noexec", true],
  exec: ["noexec", false],
  nosuid: ["nosuid", true],
  suid: ["nosuid", false],
  nodev: ["nodev", true],
  dev: ["nodev", false],
  consistent: ["consistency", "consistent"],
  cached: ["consistency", "cached"],
  delegated: ["consistency", "delegated"],
  default: ["consistency", "default"],
};

/** Podman's. */
const REFUSED = /^(?:[UO]|upperdir=.*|workdir=.*|idmap=.*)$/;

function wordRow(word: string): readonly [string, Value] | undefined {
  if (isPropagation(word)) return ["propagation", word];
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
}

function isOption(word: string): boolean {
  return wordRow(word) !== undefined || REFUSED.test(word);
}

function readOptions(text: string): Words {
  const found = new Map<string, Value>();
  for (const word of text.split(",").filter((one) => one !== "")) {
    if (REFUSED.test(word)) throw unsupported(`-v with the option ${word}`);
    const row = wordRow(word);
    if (row === undefined) throw invalid(`unknown option '${word}'`);
    const [kind, value] = row;
    if (found.has(kind)) throw invalid(`'${word}' and another option say the same thing twice`);
    found.set(kind, value);
  }
  const on = (name: keyof MountRestrictions) => (found.get(name) === true ? { [name]: true } : {});
  return {
    ...pick<Omit<Words, "restrictions">>(found, [
      "readOnly",
      "relabel",
      "propagation",
      "recursive",
      "copy",
      "idmap",
    ]),
    restrictions: { ...on("noexec"), ...on("nosuid"), ...on("nodev") },
  };
}

/** The table above gives each kind values of its type. */
function pick<T>(found: ReadonlyMap<string, Value>, names: readonly (keyof T & string)[]): T {
  const given = names.filter((name) => found.has(name)).map((name) => [name, found.get(name)]);
  return Object.fromEntries(given) as T;
}

/** Where nothing is, Docker makes a directory; so do we. */
function bind(source: string, target: string, words: Words): BindMount {
  const { readOnly, copy, restrictions, recursive, ...rest } = words;
  if (copy !== undefined) throw invalid("'copy' and 'nocopy' are for volumes, not for host paths");
  return {
    type: "bind",
    source: resolve(source),
    target,
    ...(readOnly === true ? { readOnly } : {}),
    ...(recursive === false ? { recursive } : {}),
    ...rest,
    ...restrictions,
    createSource: true,
  };
}
