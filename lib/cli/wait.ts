/** `marmita wait`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { forAllNamed } from "./several.ts";

export const wait: Command = {
  usage: "CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [],
  refused: {
    switches: "exit-first-match ignore latest|l return-on-first",
    values: "condition interval|i",
  },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    return await forAllNamed(args, async (name) => {
      const { exitCode } = await (await engine.containers.get(name)).wait();
      return String(exitCode);
    });
  },
};
