/** A container that was made of a bundle goes, with all that was made for it. */
import { readFile } from "node:fs/promises";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Hooks } from "../oci/runtime-spec.ts";
import { Patience } from "../util/patience.ts";
import { isMissing } from "../util/system-error.ts";
import { removeCgroup } from "./cgroup.ts";
import {
  type ContainerPaths,
  holdContainer,
  removeContainerDirectory,
} from "./container-directory.ts";
import { runLateHooks } from "./hooks.ts";
import { signalAll } from "./kill.ts";
import type { DeleteBundleOptions } from "./options.ts";
import { isAlive } from "./process-identity.ts";
import { residentsOf } from "./residents.ts";
import { type FoundContainer, findContainer } from "./state.ts";
import { chooseStateRoot } from "./state-root.ts";

const SIGKILL = 9;

/**
 * Remove its control group, run its poststop hooks (what fails of them is a warning), forget it. Throws
 * `CONFLICT` unless it is stopped, and `NOT_FOUND`; with `force` it is killed, and may be absent.
 */
export async function deleteContainer(
  id: string,
  options: DeleteBundleOptions = {},
): Promise<void> {
  const { force = false } = options;
  const root = chooseStateRoot(options);
  try {
    if (force) endStarter(findContainer(id, { root }));
    using held = await holdContainer(root, id);
    void held;
    if (force) await endAll(findContainer(id, { root }));
    await removeStopped(findContainer(id, { root }), options);
  } catch (error) {
    if (!force || !isMarmitaError(error, "NOT_FOUND")) throw error;
  }
}

/** Whoever makes it is told so by the end of the process that does: then it lets go of the container. */
function endStarter({ state, record }: FoundContainer): void {
  const { starter } = record;
  if (state.status !== "creating" || starter === undefined || !isAlive(starter)) return;
  process.kill(starter.pid, "SIGKILL");
}

/** How long what was killed may take to end: it may write to a slow disk. */
const LONGEST_END_MS = 10_000;

async function endAll(found: FoundContainer): Promise<void> {
  const deadline = performance.now() + LONGEST_END_MS;
  const patience = new Patience();
  for (;;) {
    const now = findContainer(found.state.id, found);
    const pids = residentsOf(now);
    if (pids.length === 0) return;
    signalAll(now, SIGKILL);
    if (performance.now() > deadline) {
      throw new MarmitaError("UNAVAILABLE", `processes of container ${now.state.id} do not end`, {
        details: { container: now.state.id, processes: pids },
      });
    }
    await patience.wait();
  }
}

/** The caller holds it. */
export async function removeStopped(
  { root, paths, record, state }: FoundContainer,
  { onWarning = () => undefined }: DeleteBundleOptions,
): Promise<void> {
  if (state.status !== "stopped") {
    const message = `container ${state.id} is not stopped: it is ${state.status}`;
    throw new MarmitaError("CONFLICT", message, {
      hint: "Kill it first, or use `force`.",
      details: { container: state.id, state: state.status },
    });
  }
  if (record.cgroup !== undefined) await removeCgroup(record.cgroup);
  const hooks = await hooksOf(paths);
  await runLateHooks("poststop", { hooks, state, cwd: record.bundle, onWarning });
  await removeContainerDirectory(root, paths);
}

/** What we wrote ourselves. */
export async function hooksOf({ config }: ContainerPaths): Promise<Hooks> {
  try {
    const { hooks = {} } = JSON.parse(await readFile(config, "utf8")) as { hooks?: Hooks };
    return hooks;
  } catch (error) {
    if (isMissing(error)) return {}; // its creator did not come that far
    throw error;
  }
}
