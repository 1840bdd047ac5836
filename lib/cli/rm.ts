/** `marmita rm`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { forEachNamed } from "./several.ts";

export const rm: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [
    {
      name: "force",
      short: "f",
      help: "Force the removal of a running container (uses SIGKILL)",
    },
  ],
  refused: {
    switches: "link|l volumes|v all|a depend ignore|i latest",
    values: "cidfile filter time|t",
  },
  async run({ flags, args, engine: options }) {
    const force = flags.has("force");
    await using engine = await openCliEngine(options);
    const remove = async (name: string) => {
      const container = await engine.containers.get(name);
      await container.remove({ force });
      print(`${name}\n`);
    };
    return await forEachNamed(args, remove, { allowMissing: force });
  },
};
