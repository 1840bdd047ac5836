/** A container that was made of a bundle goes, with all that was made for it. */
import { lstatSync } from "node:fs";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { parseHooks } from "../oci/parse-runtime-spec.ts";
import type { Hooks } from "../oci/runtime-spec.ts";
import { type Checks, check, flag, word } from "../util/check.ts";
import { Patience } from "../util/patience.ts";
import { removeCgroup } from "./cgroup.ts";
import {
  type ContainerPaths,
  containerPaths,
  holdContainer,
  removeContainerDirectory,
} from "./container-directory.ts";
import { checkContainerId } from "./container-id.ts";
import { callback } from "./create-options.ts";
import { LONGEST_END_MS } from "./end-process.ts";
import { runLateHooks } from "./hooks.ts";
import { sendTo, signalFirst } from "./kill.ts";
import type { DeleteBundleOptions } from "./options.ts";
import { readOwnFile, spoilt } from "./own-file.ts";
import { isSame } from "./process-identity.ts";
import type { ContainerRecord } from "./record.ts";
import { residentsOf } from "./residents.ts";
import { type FoundContainer, findContainer } from "./state.ts";
import { chooseStateRoot } from "./state-root.ts";

const SIGKILL = 9;

const checks: Checks<DeleteBundleOptions> = { root: word, force: flag, onWarning: callback };

/**
 * Remove its control group, run its poststop hooks (what fails of them is a warning), forget it. Throws
 * `CONFLICT` unless it is stopped, and `NOT_FOUND`; with `force` it is killed, and may be absent, or have
 * a record that nobody can read.
 */
export async function deleteContainer(
  id: string,
  options: DeleteBundleOptions = {},
): Promise<void> {
  checkContainerId(id);
  check(checks, options);
  const { force = false } = options;
  const root = chooseStateRoot(options);
  try {
    await (force ? deleteByForce(id, root, options) : deleteStopped(id, root, options));
  } catch (error) {
    if (!force || !isMarmitaError(error, "NOT_FOUND")) throw error;
  }
}

/**
 * `delete` by force of the one that was made: another one that has its id by now is left alone, as is a
 * record that nobody can read.
 */
export async function forgetMade(
  made: ContainerRecord,
  options: Omit<DeleteBundleOptions, "force">,
): Promise<void> {
  const { id } = made;
  const root = chooseStateRoot(options);
  try {
    if (!isSame(findContainer(id, { root }).record.init, made.init)) return;
    if (made.init !== undefined) sendTo(made.init, SIGKILL);
    using held = await holdContainer(root, id);
    void held;
    if (!isSame(findContainer(id, { root, isOurs: true }).record.init, made.init)) return;
    await removeByForce(id, root, options);
  } catch (error) {
    if (isMarmitaError(error, "CORRUPT")) options.onWarning?.(error.message);
    else if (!isMarmitaError(error, "NOT_FOUND")) throw error;
  }
}

/** The caller holds it. */
async function removeByForce(id: string, root: string, options: DeleteBundleOptions) {
  await endAll(id, root);
  await removeStopped(findContainer(id, { root, isOurs: true }), { ...options, force: true });
}

async function deleteStopped(id: string, root: string, options: DeleteBundleOptions) {
  using held = await holdContainer(root, id);
  void held;
  await removeStopped(findContainer(id, { root, isOurs: true }), options);
}

async function deleteByForce(id: string, root: string, options: DeleteBundleOptions) {
  const paths = containerPaths(root, id);
  try {
    endWhatHolds(findContainer(id, { root }));
    using held = await holdContainer(root, id, { timeoutMs: LONGEST_END_MS });
    void held;
    await removeByForce(id, root, options);
  } catch (error) {
    if (!isMarmitaError(error, "CORRUPT") && !lacksLock(error, paths)) throw error;
    const { message } = error as Error;
    options.onWarning?.(`${message}: what may still run of it is not known`);
    await removeContainerDirectory(root, paths);
  }
}

/** It comes with its lock, and goes with it: somebody has taken that away. */
function lacksLock(error: unknown, { directory, lock }: ContainerPaths): boolean {
  if (!isMarmitaError(error, "NOT_FOUND")) return false;
  const isThere = lstatSync(directory, { throwIfNoEntry: false }) !== undefined;
  return isThere && lstatSync(lock, { throwIfNoEntry: false }) === undefined;
}

/** Whoever makes it, or waits for it to start, is told by an end: then that one lets go of it. */
function endWhatHolds(found: FoundContainer): void {
  const { starter } = found.record;
  if (found.state.status === "creating" && starter !== undefined) sendTo(starter, SIGKILL);
  signalFirst(found, SIGKILL);
}

async function endAll(id: string, root: string): Promise<void> {
  const deadline = performance.now() + LONGEST_END_MS;
  const patience = new Patience();
  for (;;) {
    const all = residentsOf(findContainer(id, { root, isOurs: true }));
    if (all.length === 0) return;
    for (const one of all) sendTo(one, SIGKILL);
    if (performance.now() > deadline) {
      throw new MarmitaError("UNAVAILABLE", `processes of container ${id} do not end`, {
        details: { container: id, processes: all.map(({ pid }) => pid) },
      });
    }
    await patience.wait();
  }
}

/** The caller holds it. */
export async function removeStopped(
  { root, paths, record, state }: FoundContainer,
  { onWarning = () => undefined, force = false }: DeleteBundleOptions,
): Promise<void> {
  if (state.status !== "stopped") {
    const message = `container ${state.id} is not stopped: it is ${state.status}`;
    throw new MarmitaError("CONFLICT", message, {
      hint: "Kill it first, or use `force`.",
      details: { container: state.id, state: state.status },
    });
  }
  const hooks = force ? hooksByForce(paths, onWarning) : hooksOf(paths);
  if (record.cgroup !== undefined) await removeCgroup(record.cgroup);
  await runLateHooks("poststop", { hooks, state, cwd: record.bundle, onWarning });
  await removeContainerDirectory(root, paths);
}

/** None where its creator did not come that far. Throws `CORRUPT`. */
export function hooksOf({ config }: ContainerPaths): Hooks {
  const text = readOwnFile(config);
  if (text === undefined) return {};
  try {
    return parseHooks(text);
  } catch (error) {
    throw spoilt(config, "is not the configuration of a container", error);
  }
}

/** What nobody can read is no obstacle to its end. */
function hooksByForce(paths: ContainerPaths, onWarning: (text: string) => void): Hooks {
  try {
    return hooksOf(paths);
  } catch (error) {
    if (!isMarmitaError(error, "CORRUPT")) throw error;
    onWarning(`${error.message}: its hooks poststop do not run`);
    return {};
  }
}
