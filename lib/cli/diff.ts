/** `marmita diff`. */
import type { Engine } from "../engine/engine.ts";
import { MarmitaError } from "../errors.ts";
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
    const [name = ""] = args;
    const container = await engine.containers.find(name);
    if (container === undefined) throw await notFound(engine, name);
    const changes = await container.diff();
    print(changes.map(({ kind, path }) => `${kind} ${oneLine(path)}\n`).join(""));
    return 0;
  },
};

/** Podman compares images, too. */
async function notFound(engine: Engine, name: string): Promise<MarmitaError> {
  const details = { container: name };
  const image = await engine.images.find(name).catch(() => undefined);
  if (image === undefined) {
    return new MarmitaError("NOT_FOUND", `no such container: ${name}`, { details });
  }
  return new MarmitaError("UNSUPPORTED", `${name} is an image: diff takes a container`, {
    hint: "What the layers of an image were made by: marmita history.",
    details,
  });
}

/** A name may hold anything but a slash: it must not look like another line. */
function oneLine(path: string): string {
  return visible(path).replaceAll("\n", "\\u000a").replaceAll("\t", "\\u0009");
}
