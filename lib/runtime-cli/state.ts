/** `marmita-runtime state`. */
import { type ContainerState, getState } from "../bundles/state.ts";
import { print } from "../cli/output.ts";
import type { RuntimeCommand } from "./command.ts";

export const state: RuntimeCommand = {
  usage: "CONTAINER",
  about: ["The form is that of the OCI runtime specification (runtime.md, State)."],
  arguments: { min: 1, max: 1 },
  flags: [],
  refused: {},
  async run({ args: [id = ""], global: { root } }) {
    print(`${JSON.stringify(stateObject(await getState(id, { root })), undefined, 2)}\n`);
    return 0;
  },
};

/** In the order in which runc prints it, which leaves empty annotations out. */
export function stateObject(found: ContainerState): object {
  const { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner } = found;
  return {
    ociVersion,
    id,
    pid,
    status,
    bundle,
    rootfs,
    created,
    ...(Object.keys(annotations).length > 0 && { annotations }),
    owner,
  };
}
