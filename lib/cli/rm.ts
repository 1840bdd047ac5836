/** `marmita rm`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { forAllNamed } from "./several.ts";

export const rm: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [
    {
      name: "force",
      short: "f",
      help: "Force the removal of a running container (uses SIGKILL)",
    },
    {
      name: "volumes",
      short: "v",
      help: "Remove anonymous volumes associated with the container",
    },
  ],
  refused: {
    switches: "link|l all|a depend ignore|i latest",
    values: "cidfile filter time|t",
  },
  async run({ flags, args, engine: options }) {
    const force = flags.has("force");
    const volumes = flags.has("volumes");
    await using engine = await openCliEngine(options);
    const remove = async (name: string) => {
      const container = await engine.containers.get(name);
      await container.remove({ force, volumes });
      return name;
    };
    return await forAllNamed(args, remove, { allowMissing: force });
  },
};
