/** `marmita restart`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { forAllNamed } from "./several.ts";
import { STOP_FLAGS, stopOptions } from "./stop-flags.ts";

export const restart: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: STOP_FLAGS,
  refused: { switches: "all|a latest|l running", values: "cidfile filter|f" },
  async run({ flags, args, engine: options }) {
    const how = stopOptions(flags);
    await using engine = await openCliEngine(options);
    return await forAllNamed(args, async (name) => {
      await (await engine.containers.get(name)).restart(how);
      return name;
    });
  },
};
