/** `marmita-runtime start`. */
import { startContainer } from "../bundles/start.ts";
import type { RuntimeCommand } from "./command.ts";

export const start: RuntimeCommand = {
  usage: "CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [],
  refused: {},
  async run({ args: [id = ""], global: { root, log } }) {
    await startContainer(id, { root, onWarning: (text) => log.warn(text) });
    return 0;
  },
};
