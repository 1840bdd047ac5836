/** `marmita rmi`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { forEachNamed } from "./several.ts";

export const rmi: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: { min: 1 },
  flags: [
    { name: "force", short: "f", help: "Force removal of the image" },
    { name: "no-prune", help: "Do not delete untagged parents" },
  ],
  refused: { switches: "all|a ignore|i", values: "platform" },
  async run({ flags, args, engine: options }) {
    const force = flags.has("force");
    const prune = !flags.has("no-prune");
    await using engine = await openCliEngine(options);
    const remove = async (name: string) => {
      const { untagged, deleted } = await engine.images.remove(name, { force, prune });
      print(untagged.map((each) => `Untagged: ${each}\n`).join(""));
      print(deleted.map((each) => `Deleted: ${each}\n`).join(""));
    };
    return await forEachNamed(args, remove, { allowMissing: force });
  },
};
