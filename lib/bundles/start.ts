/** What waits to be started is. */
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, execResultPath } from "../native/helper.ts";
import type { Hooks } from "../oci/runtime-spec.ts";
import { abortError, onAbort } from "../util/abort.ts";
import { abortSignal, type Checks, check, word } from "../util/check.ts";
import { errnoOf } from "../util/system-error.ts";
import { holdContainer, notFound } from "./container-directory.ts";
import { callback } from "./create-options.ts";
import { hooksOf } from "./delete.ts";
import { runLateHooks } from "./hooks.ts";
import type { StartBundleOptions } from "./options.ts";
import { isSame } from "./process-identity.ts";
import type { ContainerRecord } from "./record.ts";
import { startFailed } from "./starter.ts";
import { type FoundContainer, findContainer } from "./state.ts";
import { chooseStateRoot } from "./state-root.ts";

const checks: Checks<StartBundleOptions> = { root: word, signal: abortSignal, onWarning: callback };

/**
 * Let its process execute the command, and resolve when it has; then its hooks `poststart` have run, too:
 * what fails of them is a warning. Throws `CONFLICT` for one that is not `created`, and `START_FAILED`
 * when the command cannot be executed, or a hook `startContainer` fails: the container is stopped then.
 */
export async function startContainer(id: string, options: StartBundleOptions = {}): Promise<void> {
  check(checks, options);
  await letGoAndTell(id, options);
}

/** The one that was made, and no other that has its id by now: that is `NOT_FOUND`. */
export async function startMade(made: ContainerRecord, options: StartBundleOptions): Promise<void> {
  await letGoAndTell(made.id, options, made);
}

async function letGoAndTell(
  id: string,
  options: StartBundleOptions,
  made?: ContainerRecord,
): Promise<void> {
  const { signal, onWarning = () => undefined } = options;
  const { found, hooks } = await letGo(id, options, made);
  const state = { ...found.state, status: "running" } as const;
  await runLateHooks("poststart", { hooks, state, cwd: found.record.bundle, signal, onWarning });
}

async function letGo(
  id: string,
  options: StartBundleOptions,
  made: ContainerRecord | undefined,
): Promise<{ found: FoundContainer; hooks: Hooks }> {
  const { signal } = options;
  const root = chooseStateRoot(options);
  using held = await holdContainer(root, id, { signal });
  const found = findContainer(id, { root, isOurs: true });
  if (made !== undefined && !isSame(found.record.init, made.init)) throw notFound(id);
  if (found.state.status !== "created") throw notCreated(found);
  const hooks = hooksOf(found.paths); // while we hold it: afterwards it may be another's
  await openGate(held.paths.execFifo, found, signal);
  return { found, hooks };
}

function notCreated({ state }: FoundContainer): MarmitaError {
  const { id, status } = state;
  return new MarmitaError("CONFLICT", `container ${id} cannot be started: it is ${status}`, {
    hint: status === "stopped" ? "Delete it, and make it anew." : undefined,
    details: { container: id, state: status },
  });
}

/** native/init/gate.h has what is said there. */
async function openGate(
  path: string,
  found: FoundContainer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let result: Socket | undefined;
  try {
    const fd = openSync(execResultPath(path), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    result = new Socket({ fd, readable: true, writable: false });
    const gate = openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      writeSync(gate, "0"); // from here on it is started, whatever comes of it, and of us
      unlinkSync(path);
    } finally {
      closeSync(gate);
    }
    await outcome(result, signal);
  } catch (error) {
    throw isGone(error) ? notCreated(stopped(found)) : error;
  } finally {
    result?.destroy();
  }
}

function stopped(found: FoundContainer): FoundContainer {
  return { ...found, state: { ...found.state, status: "stopped", pid: 0 } };
}

/** Its end without a word is that of an exec, or of a process that was killed meanwhile. */
async function outcome(result: Socket, signal: AbortSignal | undefined): Promise<void> {
  const unhook = signal && onAbort(signal, () => result.destroy());
  try {
    const said = await text(result);
    if (said !== "") throw startFailed(JSON.parse(said) as HelperEvent);
  } catch (error) {
    throw signal?.aborted === true ? abortError(signal) : error;
  } finally {
    unhook?.();
  }
}

/** Whoever waited is killed by now: before the pipe was opened, or before it was written to. */
function isGone(error: unknown): boolean {
  return ["ENXIO", "EPIPE"].includes(errnoOf(error) ?? "");
}
