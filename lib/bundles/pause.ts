/** Containers made of bundles stand still, and go on. */
import { MarmitaError } from "../errors.ts";
import { freezeCgroup } from "./cgroup.ts";
import { holdContainer } from "./container-directory.ts";
import { type BundleStatus, findContainer } from "./state.ts";
import { type StateRootOption, chooseStateRoot } from "./state-root.ts";

/** Resolves when all of its processes stand still. Throws `CONFLICT` unless it runs. */
export function pauseContainer(id: string, options: StateRootOption = {}): Promise<void> {
  return change(id, options, { isFrozen: true, from: "running" });
}

/** They go on. Throws `CONFLICT` unless it is paused. */
export function resumeContainer(id: string, options: StateRootOption = {}): Promise<void> {
  return change(id, options, { isFrozen: false, from: "paused" });
}

async function change(
  id: string,
  options: StateRootOption,
  { isFrozen, from }: { readonly isFrozen: boolean; readonly from: BundleStatus },
): Promise<void> {
  using held = await holdContainer(chooseStateRoot(options), id);
  void held;
  const { record, state } = findContainer(id, options);
  if (state.status !== from) {
    throw new MarmitaError("CONFLICT", `container ${id} is not ${from}: it is ${state.status}`, {
      details: { container: id, state: state.status },
    });
  }
  const { cgroup } = record;
  if (cgroup !== undefined && (await freezeCgroup(cgroup, isFrozen))) return;
  throw new MarmitaError("UNSUPPORTED", `container ${id} has no freezer`);
}
