/** `marmita inspect`, of containers, images, or whichever of them has the name. */
import type { Engine } from "../engine/engine.ts";
import { isMarmitaError, MarmitaError } from "../errors.ts";
import { parseReference } from "../oci/reference.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { notSupported, UsageError } from "./usage.ts";
import { print, printError } from "./output.ts";
import { formatError, isDebugging } from "./report.ts";
import { visible } from "./visible.ts";

type Kind = "container" | "image";

const LATER_KINDS = new Set(["network", "volume", "pod", "plugin", "service", "node", "task"]);

export const inspect: Command = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  arguments: { min: 1 },
  flags: [{ name: "type", value: "string", help: 'Only inspect "container" or "image"' }],
  refused: { switches: "size|s latest|l", values: "format|f" },
  async run({ flags, args, engine: options }) {
    const kinds = kindsOf(flags.last("type"));
    await using engine = await openCliEngine(options);
    return await inspectAll(args, (name) => look(engine, name, kinds));
  },
};

export const inspectContainers: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [],
  refused: { switches: "size|s latest|l", values: "format|f" },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    return await inspectAll(args, (name) => look(engine, name, ["container"]));
  },
};

export const inspectImages: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: { min: 1 },
  flags: [],
  refused: { values: "format|f platform" },
  async run({ args, engine: options }) {
    await using engine = await openCliEngine(options);
    return await inspectAll(args, (name) => look(engine, name, ["image"]));
  },
};

function kindsOf(type: string | undefined): readonly Kind[] {
  if (type === undefined || type === "") return ["container", "image"];
  if (type === "container" || type === "image") return [type];
  if (LATER_KINDS.has(type)) throw notSupported(`--type ${type}`);
  throw new UsageError(`unknown type: "${type}"`, { exitCode: 1 });
}

/** What is said to be an object of the first kind that has the name. */
async function look(engine: Engine, name: string, kinds: readonly Kind[]): Promise<object> {
  for (const kind of kinds) {
    if (kind === "container") {
      const container = await engine.containers.find(name);
      if (container !== undefined) return container.inspect();
    } else if (kinds.length === 1 || isImageName(name)) {
      const image = await engine.images.find(name);
      if (image !== undefined) return engine.images.inspect(image.id);
    }
  }
  const what = kinds.length > 1 ? "object" : kinds[0];
  throw new MarmitaError("NOT_FOUND", `no such ${what}: ${name}`, { details: { name } });
}

/** Containers have names that no image can have: these are just not there. */
function isImageName(name: string): boolean {
  try {
    parseReference(name);
    return true;
  } catch (error) {
    if (isMarmitaError(error, "INVALID_ARGUMENT")) return false;
    throw error;
  }
}

/** Prints what was found as one list, then tells what was not. */
async function inspectAll(
  names: readonly string[],
  inspectOne: (name: string) => Promise<object>,
): Promise<number> {
  const found: object[] = [];
  const faults: unknown[] = [];
  for (const name of names) {
    try {
      found.push(await inspectOne(name));
    } catch (error) {
      if (!isMarmitaError(error)) throw error;
      faults.push(error);
    }
  }
  print(`${visible(JSON.stringify(found, null, 4))}\n`);
  for (const fault of faults) printError(formatError(fault, isDebugging()));
  return faults.length === 0 ? 0 : 1;
}
