/** `marmita import`. */
import { isatty } from "node:tty";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { print } from "./output.ts";
import { notSupported } from "./usage.ts";

export const importRootfs: Command = {
  usage: "[OPTIONS] file|- [REPOSITORY[:TAG]]",
  arguments: { min: 1, max: 2 },
  flags: [
    {
      name: "change",
      short: "c",
      value: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    { name: "message", short: "m", value: "string", help: "Set commit message for imported image" },
    { name: "platform", value: "string", help: "Set platform of the image (os/arch[/variant])" },
  ],
  refused: { switches: "quiet|q", values: "arch os variant" },
  async run({ flags, args, engine: options }) {
    const [file = "", name] = args;
    if (/^https?:\/\//.test(file)) throw notSupported("an import from a URL");
    if (file === "-" && isatty(0)) {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        "requested import from stdin, but it is a terminal",
      );
    }
    const message = flags.last("message");
    const platform = flags.last("platform");
    await using engine = await openCliEngine(options);
    const image = await engine.images.import(file === "-" ? { fd: 0 } : file, name, {
      changes: flags.all("change"),
      ...(message === undefined ? {} : { message }),
      ...(platform === undefined ? {} : { platform }),
    });
    print(`${image.id}\n`);
    return 0;
  },
};
