/** What runs in a container that was made of a bundle. */
import { MarmitaError } from "../errors.ts";
import { checkRootOption } from "./create-options.ts";
import { residentsOf } from "./residents.ts";
import { type BundleStatus, findContainer } from "./state.ts";
import type { StateRootOption } from "./state-root.ts";

/** The numbers of its processes on this machine. Throws `CONFLICT` when it has none. */
export async function listProcesses(
  id: string,
  options: StateRootOption = {},
): Promise<readonly number[]> {
  checkRootOption(options);
  const found = findContainer(id, options);
  if (found.state.pid === 0) throw notRunning(id, found.state.status);
  return residentsOf(found).map(({ pid }) => pid);
}

export function notRunning(id: string, status: BundleStatus): MarmitaError {
  return new MarmitaError("CONFLICT", `container not running: ${id} is ${status}`, {
    details: { container: id, state: status },
  });
}
