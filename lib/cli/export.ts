/** `marmita export`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { toOutput } from "./to-output.ts";

export const exportFiles: Command = {
  usage: "[OPTIONS] CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [
    { name: "output", short: "o", value: "string", help: "Write to a file, instead of STDOUT" },
  ],
  refused: { switches: "latest|l" },
  async run({ flags, args, engine: options }) {
    await using engine = await openCliEngine(options);
    const container = await engine.containers.get(args[0] ?? "");
    return await toOutput(flags.last("output"), (target, signal) =>
      container.export(target, { signal }),
    );
  },
};
