/** `marmita kill`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { forAllNamed } from "./several.ts";
import { readSignal } from "./stop-flags.ts";

export const kill: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [
    {
      name: "signal",
      short: "s",
      value: "string",
      help: 'Signal to send to the container (default "KILL")',
    },
  ],
  refused: { switches: "all|a latest|l", values: "cidfile" },
  async run({ flags, args, engine: options }) {
    const signal = flags.map("signal", readSignal).at(-1);
    await using engine = await openCliEngine(options);
    return await forAllNamed(args, async (name) => {
      await (await engine.containers.get(name)).kill(signal);
      return name;
    });
  },
};
