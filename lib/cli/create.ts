/** `marmita create`: a container that is not started yet. */
import { reserveCidFile } from "./cid-file.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { showingPull } from "./implicit-pull.ts";
import { interruptible } from "./interruption.ts";
import { networkWarning } from "./network-flags.ts";
import { print, printError } from "./output.ts";
import { formatWarning } from "./report.ts";
import { RUN_FLAGS, RUN_REFUSED } from "./run-flags.ts";
import { runSettings } from "./run-options.ts";

/** What is about a process that runs. */
const OF_RUN = new Set(["detach", "detach-keys", "sig-proxy", "timeout"]);

export const create: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arguments: { min: 1 },
  flags: RUN_FLAGS.filter(({ name }) => !OF_RUN.has(name)),
  refused: RUN_REFUSED,
  stopsAtFirstArgument: true,
  async run({ flags, engine: options }) {
    const settings = runSettings(flags, process.env);
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      using cidFile = reserveCidFile(settings.cidFile);
      const { id, record } = await showingPull(settings, (onPullProgress) =>
        engine.containers.create({ ...settings.create, onPullProgress, signal }),
      );
      cidFile.write(id);
      const warning = networkWarning(record.isolation);
      if (warning !== undefined) printError(formatWarning(warning));
      print(`${id}\n`);
    });
  },
};
