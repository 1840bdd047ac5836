/** Containers made of bundles stand still, and go on. */
import { MarmitaError } from "../errors.ts";
import { freezeCgroup } from "./cgroup.ts";
import { holdContainer } from "./container-directory.ts";
import { residentsOf } from "./residents.ts";
import { type BundleStatus, findContainer } from "./state.ts";
import { type StateRootOption, chooseStateRoot } from "./state-root.ts";
import { continueResidents, stopResidents } from "./stop-residents.ts";

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
  const found = findContainer(id, options);
  const { record, state, paths } = found;
  if (state.status !== from) {
    throw new MarmitaError("CONFLICT", `container ${id} is not ${from}: it is ${state.status}`, {
      details: { container: id, state: state.status },
    });
  }
  const { cgroup } = record;
  if (cgroup !== undefined && (await freezeCgroup(cgroup, isFrozen))) return;
  const stoppable = { list: () => residentsOf(found), note: paths.paused };
  await (isFrozen ? stopResidents(stoppable) : continueResidents(stoppable));
}
