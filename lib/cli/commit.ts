/** `marmita commit`. */
import { isMarmitaError, MarmitaError } from "../errors.ts";
import type { Container } from "../engine/container.ts";
import type { Engine } from "../engine/engine.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";
import { UsageError } from "./usage.ts";

export const commit: Command = {
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  arguments: { min: 1, max: 2 },
  flags: [
    {
      name: "author",
      short: "a",
      value: "string",
      help: 'Author (e.g., "Ana Souza <ana@example.com>")',
    },
    {
      name: "change",
      short: "c",
      value: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    { name: "message", short: "m", value: "string", help: "Commit message" },
    { name: "no-pause", help: "Disable pausing container during commit" },
    { name: "pause", short: "p", help: "Pause container during commit (default true)" },
  ],
  refused: {
    switches: "include-volumes quiet|q squash|s",
    values: "config format|f iidfile",
  },
  async run({ flags, args, engine: options }) {
    const [nameOrId = "", name] = args;
    const author = flags.last("author");
    const message = flags.last("message");
    if (flags.last("pause") === "true" && flags.has("no-pause")) {
      throw new UsageError("conflicting options: --no-pause and --pause cannot be used together");
    }
    await using engine = await openCliEngine(options);
    const container = await find(engine, nameOrId, name);
    return await interruptible(async (signal) => {
      const image = await container.commit(name, {
        changes: flags.all("change"),
        pause: flags.last("pause") !== "false" && !flags.has("no-pause"),
        ...(author === undefined ? {} : { author }),
        ...(message === undefined ? {} : { message }),
        signal,
      });
      print(`${image.id}\n`);
    });
  },
};

/** As with `cp`, people mistake the order: where it works the other way round, that is said. */
async function find(engine: Engine, nameOrId: string, name?: string): Promise<Container> {
  try {
    return await engine.containers.get(nameOrId);
  } catch (error) {
    if (name === undefined || !isMarmitaError(error, "NOT_FOUND")) throw error;
    const other = await engine.containers.find(name).catch(() => undefined);
    if (other === undefined) throw error;
    throw new MarmitaError(error.code, error.message, {
      cause: error,
      hint: `The container comes first: marmita commit ${name} ${nameOrId}`,
      details: error.details,
    });
  }
}
