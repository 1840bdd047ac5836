/** Checks of what a container is made of a bundle with: a wrong value is refused by name. */
import {
  type Check,
  type Checks,
  abortSignal,
  check,
  flag,
  isText,
  oneOf,
  text,
  wholeNumber,
  word,
  words,
  wrong,
} from "../util/check.ts";
import { readProcess } from "../oci/parse-runtime-spec.ts";
import { isCapability } from "../runtime/capabilities.ts";
import type {
  BundleSource,
  CapturedStreams,
  CreateBundleContainerOptions,
  ExecBundleOptions,
  ExecProcessRequest,
  ProcessSettings,
  RunBundleOptions,
} from "./options.ts";
import type { StateRootOption } from "./state-root.ts";

const MOST_DESCRIPTORS = 1_024;
const descriptors = wholeNumber("descriptors", 0, MOST_DESCRIPTORS);

export function callback(value: unknown, name: string): void {
  if (typeof value !== "function") throw wrong(name, "a function", value);
}

/** One of the words, or a descriptor. */
function stdio(...words: readonly string[]): Check {
  return (value, name) => {
    if (typeof value === "number" ? isDescriptor(value) : words.includes(String(value))) return;
    throw wrong(name, `${words.map((one) => `"${one}"`).join(", ")} or a descriptor`, value);
  };
}

function isDescriptor(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 1 << 20;
}

function input(value: unknown, name: string): void {
  if (typeof value === "string" || value instanceof Uint8Array) return;
  throw wrong(name, "a string or bytes", value);
}

export const processChecks: Checks<ProcessSettings> = {
  consoleSocket: word,
  pidFile: word,
  preserveFds: descriptors,
  listenFds: descriptors,
};

const side = wholeNumber("columns or rows", 1, 65_535);

function terminalSize(value: unknown, name: string): void {
  if (typeof value !== "object" || value === null) throw wrong(name, "columns and rows", value);
  for (const word of ["columns", "rows"]) side(Reflect.get(value, word), `${name}.${word}`);
}

const own = stdio("inherit", "ignore");
const piped = stdio("inherit", "ignore", "pipe");

export const captureChecks: Checks<CapturedStreams> = {
  stdin: piped,
  stdout: piped,
  stderr: piped,
  input,
  maxOutputBytes: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
  terminalSize,
};

const rootChecks: Checks<StateRootOption> = { root: word };

/** Of what takes no others. */
export function checkRootOption(options: StateRootOption): void {
  check(rootChecks, options);
}

const createChecks: Checks<CreateBundleContainerOptions> = {
  ...processChecks,
  root: word,
  stdin: own,
  stdout: own,
  stderr: own,
  config: word,
  noPivot: flag,
  noNewKeyring: flag,
  cgroupManager: oneOf("cgroupfs", "systemd", "disabled"),
  requireResources: flag,
  notifySocket: word,
  signal: abortSignal,
  onWarning: callback,
};

const runChecks: Checks<RunBundleOptions> = {
  ...createChecks,
  ...captureChecks,
  detach: flag,
  keep: flag,
  onStarted: callback,
};

export function checkCreateOptions(options: CreateBundleContainerOptions): void {
  check(createChecks, options);
}

export function checkRunOptions(options: RunBundleOptions): void {
  check(runChecks, options);
}

function capabilities(value: unknown, name: string): void {
  words(value, name);
  for (const one of value as readonly string[]) {
    if (!isCapability(one)) throw wrong(name, "names of capabilities as CAP_SYS_PTRACE", one);
  }
}

function gids(value: unknown, name: string): void {
  const isList = Array.isArray(value) && value.every((one) => isId(one));
  if (!isList) throw wrong(name, "a list of numbers of groups", value);
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < MOST_ID;
}

/** The last one means none (chown(2)). */
const MOST_ID = 2 ** 32 - 1;

function userById(value: unknown, name: string): void {
  const isPair = typeof value === "string" && /^\d{1,10}(?::\d{1,10})?$/.test(value);
  if (!isPair || !value.split(":").every((id) => isId(Number(id)))) {
    throw wrong(name, 'numbers as in "1000" or "1000:1000"', value);
  }
}

function absolute(value: unknown, name: string): void {
  if (typeof value !== "string" || !value.startsWith("/")) {
    throw wrong(name, "an absolute path", value);
  }
}

const execChecks: Checks<ExecBundleOptions> = {
  ...processChecks,
  ...captureChecks,
  root: word,
  signal: abortSignal,
  onWarning: callback,
  tty: flag,
  cwd: absolute,
  env: words,
  user: userById,
  additionalGids: gids,
  capabilities,
  noNewPrivileges: flag,
  apparmorProfile: text,
  selinuxLabel: text,
  detach: flag,
  ignorePaused: flag,
  cgroup: word,
  onStarted: callback,
};

/** Returns what is to run: a whole process as the parser of config.json has it. */
export function checkExecOptions(
  request: ExecProcessRequest,
  options: ExecBundleOptions,
): ExecProcessRequest {
  check(execChecks, options);
  if (typeof request !== "object" || request === null) {
    throw wrong("process", "a list of words, or a process as config.json has it", request);
  }
  if ("length" in request) {
    words(request, "args");
    if (request.length === 0) throw wrong("args", "a command", request);
    return request;
  }
  return readProcess(request, { option: "process" });
}

/** The directory of what a container is to be made of. */
export function bundleDirectory(bundle: BundleSource): string {
  const given: unknown = bundle;
  const isObject = typeof given === "object" && given !== null;
  const directory: unknown = isObject ? Reflect.get(given, "directory") : given;
  if (isText(directory) && directory !== "") return directory;
  throw wrong("bundle", "a directory, or what openBundle() returns", bundle);
}
