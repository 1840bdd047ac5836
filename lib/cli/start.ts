/** `marmita start`. */
import type { Engine } from "../engine/engine.ts";
import { isMarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { forAllNamed } from "./several.ts";

export const start: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [],
  refused: {
    switches: "all attach|a interactive|i latest|l sig-proxy",
    values: "checkpoint checkpoint-dir detach-keys filter|f",
  },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    return await forAllNamed(args, async (name) => {
      await startInBackground(engine, name);
      return name;
    });
  },
};

/** One that runs is as it should be. */
async function startInBackground(engine: Engine, name: string): Promise<void> {
  const container = await engine.containers.get(name);
  try {
    await container.start({ detach: true });
  } catch (error) {
    if (!isMarmitaError(error, "CONFLICT") || error.details["state"] !== "running") throw error;
  }
}
