/** `marmita load`. */
import { isatty } from "node:tty";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";

export const load: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  tooMany: "The archive is named with -i: marmita load -i FILE",
  flags: [
    {
      name: "input",
      short: "i",
      value: "string",
      help: "Read from tar archive file or OCI layout directory, instead of STDIN",
    },
    {
      name: "platform",
      value: "string",
      help: 'Load only the given platform variant. Formatted as "os[/arch[/variant]]"',
    },
    { name: "quiet", short: "q", help: "Suppress progress (there is none yet)" },
  ],
  refused: {},
  async run({ flags, engine: options }) {
    const input = flags.last("input");
    const platform = flags.last("platform");
    if (input === undefined && isatty(0)) {
      throw new MarmitaError("INVALID_ARGUMENT", "requested load from stdin, but stdin is empty", {
        hint: "Name the archive with -i, or redirect it here.",
      });
    }
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      const loaded = await engine.images.load(input ?? { fd: 0 }, {
        ...(platform === undefined ? {} : { platform }),
        signal,
      });
      for (const image of loaded) print(formatLoaded(image));
    });
  },
};

/** As Docker tells it: by name, or by id where there is none. */
export function formatLoaded(image: { id: string; names: readonly string[] }): string {
  if (image.names.length === 0) return `Loaded image ID: ${image.id}\n`;
  return image.names.map((name) => `Loaded image: ${name}\n`).join("");
}
