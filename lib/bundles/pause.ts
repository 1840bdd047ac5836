/** Containers made of bundles stand still, and go on. */
import { MarmitaError } from "../errors.ts";
import { abortSignal, type Checks, check, word } from "../util/check.ts";
import { freezeCgroup } from "./cgroup.ts";
import { holdContainer } from "./container-directory.ts";
import type { PauseBundleOptions } from "./options.ts";
import { residentsOf, residentsOutside } from "./residents.ts";
import { type BundleStatus, type FoundContainer, findContainer } from "./state.ts";
import { chooseStateRoot } from "./state-root.ts";
import { continueResidents, stopResidents } from "./stop-residents.ts";

const checks: Checks<PauseBundleOptions> = { root: word, signal: abortSignal };

/** Resolves when all of its processes stand still. Throws `CONFLICT` unless it runs. */
export function pauseContainer(id: string, options: PauseBundleOptions = {}): Promise<void> {
  return change(id, options, { isFrozen: true, from: "running" });
}

/** They go on. Throws `CONFLICT` unless it is paused. */
export function resumeContainer(id: string, options: PauseBundleOptions = {}): Promise<void> {
  return change(id, options, { isFrozen: false, from: "paused" });
}

async function change(
  id: string,
  options: PauseBundleOptions,
  { isFrozen, from }: { readonly isFrozen: boolean; readonly from: BundleStatus },
): Promise<void> {
  check(checks, options);
  using held = await holdContainer(chooseStateRoot(options), id, { signal: options.signal });
  void held;
  const found = findContainer(id, options);
  const { state } = found;
  if (state.status !== from) {
    throw new MarmitaError("CONFLICT", `container ${id} is not ${from}: it is ${state.status}`, {
      details: { container: id, state: state.status },
    });
  }
  await (isFrozen ? stopAll(found) : continueAll(found));
}

async function stopAll(found: FoundContainer): Promise<void> {
  const { cgroup } = found.record;
  const { paused: note } = found.paths;
  if (cgroup === undefined || !(await freezeCgroup(cgroup, true))) {
    return stopResidents({ list: () => residentsOf(found), note });
  }
  const list = () => residentsOutside(found);
  if (list().length === 0) return;
  try {
    await stopResidents({ list, note });
  } catch (error) {
    await freezeCgroup(cgroup, false);
    throw error;
  }
}

async function continueAll(found: FoundContainer): Promise<void> {
  const { cgroup } = found.record;
  if (cgroup !== undefined) await freezeCgroup(cgroup, false);
  await continueResidents({ list: () => residentsOf(found), note: found.paths.paused });
}
