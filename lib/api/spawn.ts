/** spawn(): a command in a container of its own, as an object that stands in for a ChildProcess. */
import type { ContainerOptions, ImplicitPullOptions } from "../engine/container-options.ts";
import type { TerminalSizeOptions } from "../engine/options.ts";
import { signalNumber } from "../runtime/signals.ts";
import { type Checks, abortSignal, check, wholeNumber, word, words, wrong } from "../util/check.ts";
import { ContainerProcess } from "./container-process.ts";
import type { ApiOptions } from "./default-engine.ts";

/** Where a standard stream goes: to a stream of the object, to this process's own, or nowhere. */
export type SpawnStdio = "pipe" | "inherit" | "ignore";

export interface SpawnOptions
  extends ContainerOptions, ImplicitPullOptions, TerminalSizeOptions, ApiOptions {
  /** One for all three, or one for each: stdin, stdout, stderr. Default: `pipe`. */
  readonly stdio?: SpawnStdio | readonly (SpawnStdio | undefined)[];
  /** What `signal` and `timeoutMs` kill with. Default: `SIGTERM`. */
  readonly killSignal?: NodeJS.Signals | number;
  /** When it is aborted, the command is killed and `error` emitted with an `AbortError`. */
  readonly signal?: AbortSignal;
  /** The command is killed when it has run for so long. */
  readonly timeoutMs?: number;
}

const TIMER_MAX_MS = 2 ** 31 - 1; // setTimeout() fires at once beyond it
const STDIO = new Set<unknown>(["pipe", "inherit", "ignore"]);

interface OwnOptions {
  readonly stdio?: SpawnOptions["stdio"] | undefined;
  readonly killSignal?: SpawnOptions["killSignal"] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

const own: Checks<OwnOptions> = {
  stdio,
  killSignal: (value) => signalNumber(value as NodeJS.Signals | number),
  signal: abortSignal,
  timeoutMs: wholeNumber("milliseconds", 1, TIMER_MAX_MS),
};

function stdio(value: unknown, name: string): void {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isEach = all.every((one) => one === undefined || STDIO.has(one));
  if (isEach && all.length <= 3) return;
  throw wrong(name, '"pipe", "inherit" or "ignore", or up to three of these', value);
}

/**
 * Start a command in a container, which goes with it unless `remove` is false. This returns at
 * once: what fails from then on is told by `error`, as of `child_process.spawn()`, and the pid is
 * known from `spawn` on. A first process that passes signals on is there unless `init` is false, so
 * that `kill()` ends commands that do not listen to them. The container dies with this process.
 *
 * Throws `INVALID_ARGUMENT` for arguments that are none.
 */
export function spawn(
  image: string,
  args: readonly string[],
  options?: SpawnOptions,
): ContainerProcess;
/** The same with the image's own command. */
export function spawn(image: string, options?: SpawnOptions): ContainerProcess;
export function spawn(
  image: string,
  args: readonly string[] | SpawnOptions = {},
  more: SpawnOptions = {},
): ContainerProcess {
  const command = isList(args) ? args : undefined;
  const options = isList(args) ? more : args;
  word(image, "image");
  if (command !== undefined) words(command, "args");
  const { stdio: asked = [], killSignal = "SIGTERM", signal, timeoutMs, ...rest } = options;
  check(own, { stdio: asked, killSignal, signal, timeoutMs });
  const { engine, root, columns, rows, ...container } = rest;
  const [stdin = "pipe", stdout = "pipe", stderr = "pipe"] = isList(asked)
    ? asked
    : [asked, asked, asked];
  return new ContainerProcess({
    engine: { engine, root },
    create: {
      remove: true,
      init: true,
      ...container,
      image,
      ...(command === undefined ? {} : { command }),
    },
    start: {
      stdin,
      stdout,
      stderr,
      ...(columns !== undefined && { columns }),
      ...(rows !== undefined && { rows }),
    },
    killSignal,
    signal,
    timeoutMs,
  });
}

function isList<T>(value: readonly T[] | object | string): value is readonly T[] {
  return Array.isArray(value);
}
