/** `marmita pause` and `marmita unpause`. */
import type { Container } from "../engine/container.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { forEachNamed } from "./several.ts";

export const pause = commandOf((container) => container.pause());
export const unpause = commandOf((container) => container.unpause());

function commandOf(work: (container: Container) => Promise<unknown>): Command {
  return {
    usage: "CONTAINER [CONTAINER...]",
    arguments: { min: 1 },
    flags: [],
    refused: { switches: "all|a latest|l", values: "cidfile filter|f" },
    async run({ args, engine: options }) {
      await using engine = await openCliEngine(options);
      return await forEachNamed(args, async (name) => {
        await work(await engine.containers.get(name));
        print(`${name}\n`);
      });
    },
  };
}
