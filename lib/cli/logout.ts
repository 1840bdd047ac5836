/** `marmita logout`. */
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { AUTH_FILE, HUB } from "./login.ts";
import { print, printError } from "./output.ts";
import { registryAccess } from "./registry-flags.ts";
import { formatWarning } from "./report.ts";

export const logout: Command = {
  usage: "[OPTIONS] [SERVER]",
  arguments: { min: 0, max: 1 },
  flags: [AUTH_FILE],
  refused: { switches: "all|a", values: "compat-auth-file" },
  async run({ flags, args, engine: options }) {
    registryAccess(flags);
    return interruptible(async (signal) => {
      await using engine = await openCliEngine(options);
      const { registry, remaining } = await engine.logout(args[0] ?? HUB, { signal });
      const server = registry === HUB ? "https://index.docker.io/v1/" : registry;
      print(`Removing login credentials for ${server}\n`);
      if (remaining === undefined) return;
      printError(formatWarning(`credentials for ${registry} are still in ${remaining}`));
    });
  },
};
