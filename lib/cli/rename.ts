/** `marmita rename`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";

export const rename: Command = {
  usage: "CONTAINER NEW_NAME",
  arguments: { min: 2, max: 2 },
  flags: [],
  refused: { switches: "latest|l" },
  async run({ args: [container = "", name = ""], engine: options }) {
    await using engine = await openCliEngine(options);
    await (await engine.containers.get(container)).rename(name);
    return 0;
  },
};
