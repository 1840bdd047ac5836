/** Checks of what a container is made of a bundle with: a wrong value is refused by name. */
import {
  type Check,
  type Checks,
  abortSignal,
  check,
  flag,
  oneOf,
  wholeNumber,
  word,
  wrong,
} from "../util/check.ts";
import type {
  CapturedStreams,
  CreateBundleContainerOptions,
  ProcessSettings,
  RunBundleOptions,
} from "./options.ts";

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

const own = stdio("inherit", "ignore");
const piped = stdio("inherit", "ignore", "pipe");

export const captureChecks: Checks<CapturedStreams> = {
  stdin: piped,
  stdout: piped,
  stderr: piped,
  input,
  maxOutputBytes: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
};

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
