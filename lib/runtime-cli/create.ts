/** `marmita-runtime create`. */
import { createContainer } from "../bundles/create.ts";
import type { RuntimeCommand } from "./command.ts";
import { bundleOf, CONTAINER_FLAGS, containerSettings } from "./container-flags.ts";

export const create: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER",
  about: [
    "The streams of this command are those of the container's process, which goes on when this " +
      "has ended: it belongs to whoever adopts orphans above.",
  ],
  arguments: { min: 1, max: 1 },
  flags: CONTAINER_FLAGS,
  refused: {},
  async run(call) {
    const [id = ""] = call.args;
    await createContainer(id, bundleOf(call), containerSettings(call));
    return 0;
  },
};
