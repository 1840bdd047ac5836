/** Options checked at the door: every wrong value is refused by name, with the value quoted. */
import { Readable } from "node:stream";
import { inspect } from "node:util";
import { MarmitaError } from "../errors.ts";
import type { ImportOptions } from "../images/import.ts";
import type { LoadOptions } from "../images/load.ts";
import type {
  BindMount,
  ContainerOptions,
  CreateOptions,
  EngineOptions,
  RunOptions,
  StartOptions,
  TmpfsMount,
} from "./options.ts";
import type { RemoveOptions } from "./remove.ts";

type Check = (value: unknown, name: string) => void;
type Checks<Options> = { readonly [Key in keyof Required<Options>]: Check };

/** Docker's rule for names of containers. */
export const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const HOSTNAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
const NAME_MAX = 128;
const HOSTNAME_MAX = 64;
const TIMER_MAX_MS = 2 ** 31 - 1; // setTimeout() fires at once beyond it

const container: Checks<ContainerOptions> = {
  name: containerName,
  env: environment,
  user,
  workdir: insidePath,
  entrypoint,
  hostname,
  labels,
  mounts,
  readOnly: flag,
  remove: flag,
  network,
};
const create: Checks<CreateOptions> = { ...container, image: word, command: words };
const start: Checks<StartOptions> = {
  stdin: oneOf("pipe", "inherit", "ignore"),
  stdout: oneOf("pipe", "inherit", "ignore"),
  stderr: oneOf("pipe", "inherit", "ignore"),
  signal: abortSignal,
};
const run: Checks<RunOptions> = {
  ...container,
  stdin: oneOf("inherit", "ignore"),
  input,
  stdout: oneOf("capture", "inherit", "ignore"),
  stderr: oneOf("capture", "inherit", "ignore"),
  encoding: oneOf("utf8", "buffer"),
  maxOutputBytes: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
  timeoutMs: wholeNumber("milliseconds", 1, TIMER_MAX_MS),
  signal: abortSignal,
};
const engine: Checks<EngineOptions> = {
  root: word,
  ids: oneOf("auto", "subids", "single"),
  storageDriver: oneOf("auto", "overlay", "fuse-overlayfs"),
};
const load: Checks<LoadOptions> = { name: word, platform: word, signal: abortSignal };
const importing: Checks<ImportOptions> = {
  changes: words,
  message: text,
  platform: word,
  signal: abortSignal,
};
const remove: Checks<RemoveOptions> = { force: flag, signal: abortSignal };

/** What the arguments of `run` are. */
export interface RunRequest {
  readonly image: string;
  readonly command?: readonly string[] | undefined;
  readonly options: RunOptions;
}

/** Each of these throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what is known but not there. */
export function checkCreateOptions(options: CreateOptions): void {
  check(create, options);
  if (options.image === undefined) throw wrong("image", "the name or id of an image", undefined);
}

export function checkStartOptions(options: StartOptions): void {
  check(start, options);
}

export function checkLoadOptions(options: LoadOptions): void {
  check(load, options);
}

export function checkImportOptions(options: ImportOptions): void {
  check(importing, options);
}

/** Of a container or an image. */
export function checkRemoveOptions(options: RemoveOptions): void {
  check(remove, options);
}

/** `what` is the argument's name: one that is a name, an id or a path. */
export function checkText(value: string, what: string): void {
  text(value, what);
}

/** Beside options that are checked. */
export function checkSignal(value: AbortSignal | undefined): void {
  if (value !== undefined) abortSignal(value, "signal");
}

export function checkEngineOptions(options: EngineOptions): void {
  check(engine, options);
}

export function checkRun({ image, command, options }: RunRequest): void {
  check(run, options);
  word(image, "image");
  if (command !== undefined) words(command, "command");
  if (options.input !== undefined && options.stdin !== undefined) {
    throw new MarmitaError("INVALID_ARGUMENT", 'options "input" and "stdin" exclude each other');
  }
}

function check<Options extends object>(checks: Checks<Options>, options: Options): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw wrong("options", "an object", options);
  }
  const known = new Map<string, Check>(Object.entries(checks));
  for (const [name, value] of Object.entries(options)) {
    const one = known.get(name);
    if (one === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", `unknown option ${quote(name)}`, {
        details: { option: name },
      });
    }
    if (value !== undefined) one(value, name);
  }
}

function wrong(name: string, expected: string, value: unknown): MarmitaError {
  const message = `expected ${quote(name)} to be ${expected}, got ${quote(value)}`;
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { option: name } });
}

function quote(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return inspect(value, { depth: 1, breakLength: Infinity, maxArrayLength: 5 });
}

function oneOf(...choices: readonly string[]): Check {
  return (value, name) => {
    if (typeof value === "string" && choices.includes(value)) return;
    throw wrong(name, choices.map((choice) => quote(choice)).join(" or "), value);
  };
}

function wholeNumber(unit: string, least: number, most: number): Check {
  return (value, name) => {
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
    throw wrong(name, `a whole number of ${unit} from ${least} to ${most}`, value);
  };
}

/** What may be handed to a system call as a string. */
function isText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function text(value: unknown, name: string): void {
  if (!isText(value)) throw wrong(name, "a string without zero bytes", value);
}

function word(value: unknown, name: string): void {
  if (!isText(value) || value === "") throw wrong(name, "a string that is not empty", value);
}

function words(value: unknown, name: string): void {
  if (Array.isArray(value) && value.every(isText)) return;
  throw wrong(name, "an array of strings without zero bytes", value);
}

function flag(value: unknown, name: string): void {
  if (typeof value !== "boolean") throw wrong(name, "true or false", value);
}

function containerName(value: unknown, name: string): void {
  if (isText(value) && CONTAINER_NAME.test(value) && value.length <= NAME_MAX) return;
  throw wrong(name, `${NAME_MAX} characters or less of [a-zA-Z0-9][a-zA-Z0-9_.-]+`, value);
}

function entries(value: unknown, name: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw wrong(name, "an object of strings", value);
}

function environment(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "" || key.includes("=") || !isText(key)) {
      throw wrong(name, 'an object whose keys are not empty and have no "="', key);
    }
    if (text !== undefined && !isText(text)) throw wrong(`${name}.${key}`, "a string", text);
  }
}

function labels(value: unknown, name: string): void {
  for (const [key, text] of entries(value, name)) {
    if (key === "") throw wrong(name, "an object whose keys are not empty", key);
    if (typeof text !== "string") throw wrong(`${name}.${key}`, "a string", text);
  }
}

function user(value: unknown, name: string): void {
  if (isText(value) && /^[^:\s]*(?::[^:\s]+)?$/.test(value) && value !== "") return;
  throw wrong(name, "user, user:group, or numbers", value);
}

function insidePath(value: unknown, name: string): void {
  if (isText(value) && value.startsWith("/")) return;
  throw wrong(name, "an absolute path", value);
}

function entrypoint(value: unknown, name: string): void {
  if (value === null || isText(value)) return;
  words(value, name);
}

function hostname(value: unknown, name: string): void {
  if (isText(value) && HOSTNAME.test(value) && value.length <= HOSTNAME_MAX) return;
  throw wrong(name, `${HOSTNAME_MAX} letters, digits, "." and "-" or less`, value);
}

function network(value: unknown, name: string): void {
  if (value === "none" || value === "host") return;
  word(value, name);
  throw new MarmitaError("UNSUPPORTED", `network ${quote(value)} is not supported`, {
    hint: 'Use network "none" or "host".',
    details: { option: name, value },
  });
}

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

function mounts(value: unknown, name: string): void {
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

function abortSignal(value: unknown, name: string): void {
  if (!(value instanceof AbortSignal)) throw wrong(name, "an AbortSignal", value);
}

function input(value: unknown, name: string): void {
  if (typeof value === "string" || value instanceof Uint8Array || value instanceof Readable) return;
  throw wrong(name, "a string, bytes or a Readable", value);
}
