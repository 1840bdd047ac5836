/** Hooks that run in the namespaces of this process: programs that are given a container's state. */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import type { Hook, Hooks } from "../oci/runtime-spec.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import type { ContainerState } from "./state.ts";

export type RuntimeHookName = "prestart" | "createRuntime" | "poststart" | "poststop";

/** What of a container's state a hook reads on its standard input. */
export type HookState = Pick<
  ContainerState,
  "ociVersion" | "id" | "status" | "bundle" | "annotations" | "pid"
>;

/** The number stands last: inside, marmita-init writes it, as the container sees it. */
export function hookState(state: HookState): HookState {
  const { ociVersion, id, status, bundle, annotations, pid } = state;
  return { ociVersion, id, status, bundle, annotations, pid };
}

/** Up to the number, which is not known yet: `{"ociVersion":…,"pid":`. */
export function hookStatePrefix(state: Omit<HookState, "pid">): string {
  return JSON.stringify(hookState({ ...state, pid: 0 })).slice(0, -"0}".length);
}

export interface HookOptions {
  readonly hooks: Hooks | undefined;
  /** What they are told. */
  readonly state: HookState;
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** One after the other; the first that fails ends it, with `START_FAILED`. */
export async function runHooks(name: RuntimeHookName, options: HookOptions): Promise<void> {
  for (const [index, hook] of (options.hooks?.[name] ?? []).entries()) {
    await runHook(`hooks.${name}[${index}]`, hook, options);
  }
}

/** All of them, whatever becomes of the others: a failure is a warning. */
export async function runLateHooks(
  name: "poststart" | "poststop",
  options: HookOptions & { readonly onWarning: (text: string) => void },
): Promise<void> {
  for (const [index, hook] of (options.hooks?.[name] ?? []).entries()) {
    try {
      await runHook(`hooks.${name}[${index}]`, hook, options);
    } catch (error) {
      throwIfAborted(options.signal);
      options.onWarning(error instanceof Error ? error.message : String(error));
    }
  }
}

async function runHook(
  name: string,
  hook: Hook,
  { state, cwd, signal }: HookOptions,
): Promise<void> {
  throwIfAborted(signal);
  const child = await spawnHook(name, hook, cwd);
  const told = keepTail(child);
  child.stdin?.on("error", () => undefined); // it need not read
  child.stdin?.end(JSON.stringify(hookState(state)));
  const fault = await endOf(child, { timeoutS: hook.timeout, signal });
  throwIfAborted(signal);
  if (fault !== undefined) throw failed(name, hook, { ...fault, told: told() });
}

async function spawnHook(name: string, hook: Hook, cwd: string): Promise<ChildProcess> {
  const { spawn } = await import("node:child_process"); // 2 ms that few need
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  try {
    // A process group of its own: all of it is killed when its time is over.
    return spawn(hook.path, args, {
      argv0,
      cwd: existsSync(cwd) ? cwd : "/", // a bundle may be gone before its container
      env: environmentOf(hook),
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
  } catch (error) {
    throw failed(name, hook, { how: "cannot be run", errno: errnoOf(error), told: "" });
  }
}

function environmentOf({ env = [] }: Hook): Record<string, string> {
  return Object.fromEntries(
    env.map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** Enough of what it complains of. */
const MAX_TOLD = 4_096;

function keepTail(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (text: string) => (tail = (tail + text).slice(-MAX_TOLD)));
  return () => tail.trim();
}

/** A timer for longer ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Fault {
  readonly how: string;
  readonly errno?: string | undefined;
}

/** Resolves to what went wrong, when the process has ended; what it left behind is not waited for. */
function endOf(
  child: ChildProcess,
  { timeoutS, signal }: { timeoutS: number | undefined; signal: AbortSignal | undefined },
): Promise<Fault | undefined> {
  return new Promise((resolve) => {
    let isLate = false;
    const timer =
      timeoutS === undefined
        ? undefined
        : setTimeout(
            () => {
              isLate = true;
              killGroup(child);
            },
            Math.min(timeoutS * 1_000, MAX_TIMER_MS),
          );
    const unhook = signal && onAbort(signal, () => killGroup(child));
    const settle = (fault: Fault | undefined): void => {
      clearTimeout(timer);
      unhook?.();
      // What it left behind may hold it.
      setImmediate(() => child.stderr?.destroy());
      resolve(fault);
    };
    child.once("error", (error) => settle({ how: "cannot be run", errno: errnoOf(error) }));
    child.once("exit", (code, killer) => {
      if (isLate) settle({ how: `was not done after ${timeoutS} s, and was killed` });
      else if (code === 0) settle(undefined);
      else settle({ how: killer === null ? `exited with ${code}` : `was ended by ${killer}` });
    });
  });
}

/** Not reaped yet, or never there: the number is its own. */
function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function failed(
  name: string,
  { path }: Hook,
  { how, errno, told }: Fault & { readonly told: string },
): MarmitaError {
  const words = [
    `${name}: ${path} ${how}`,
    ...(errno === undefined ? [] : [errnoWords(errno)]),
  ].join(": ");
  return new MarmitaError("START_FAILED", told === "" ? words : `${words}: ${told}`, {
    step: "hook",
    errno,
    details: { exitCode: 125, field: name },
  });
}
