/** `marmita tag`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";

export const tag: Command = {
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  arguments: { min: 2, max: 2 },
  flags: [],
  refused: {},
  async run({ args, engine: options }) {
    const [source = "", target = ""] = args;
    await using engine = await openCliEngine(options);
    await engine.images.tag(source, target);
    return 0;
  },
};
