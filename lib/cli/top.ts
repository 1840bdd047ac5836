/** `marmita top`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { formatWideTable } from "./table.ts";
import { visible } from "./visible.ts";

export const top: Command = {
  usage: "CONTAINER [ps OPTIONS]",
  arguments: { min: 1 },
  stopsAtFirstArgument: true,
  flags: [],
  refused: { switches: "latest|l" },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    const [name = "", ...psArgs] = args;
    const container = await engine.containers.get(name);
    const { titles, processes } = await container.top({ psArgs });
    const rows = processes.map((cells) => cells.map((cell) => oneLine(cell)));
    print(formatWideTable(titles, rows));
    return 0;
  },
};

/** A process calls itself what it likes. */
function oneLine(text: string): string {
  return visible(text).replaceAll(/[\t\n]/g, " ");
}
