/** `marmita diff`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { visible } from "./visible.ts";

export const diff: Command = {
  usage: "CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [],
  refused: { switches: "latest|l", values: "format" },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    const container = await engine.containers.get(args[0] ?? "");
    const changes = await container.diff();
    print(changes.map(({ kind, path }) => `${kind} ${oneLine(path)}\n`).join(""));
    return 0;
  },
};

/** A name may hold anything but a slash: it must not look like another line. */
function oneLine(path: string): string {
  return visible(path).replaceAll("\n", "\\u000a").replaceAll("\t", "\\u0009");
}
