/** `marmita inspect`, of containers, images, volumes, or whichever of them has the name. */
import type { Engine } from "../engine/engine.ts";
import { isMarmitaError, MarmitaError } from "../errors.ts";
import { similarNames } from "../images/names.ts";
import { parseReference } from "../oci/reference.ts";
import type { Call, Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { OBJECT_FORMAT } from "./format-flag.ts";
import { InspectFormat } from "./inspect-format.ts";
import { print, printError } from "./output.ts";
import { readTemplate } from "./read-template.ts";
import { formatError, isDebugging } from "./report.ts";
import { notSupported, UsageError } from "./usage.ts";
import { visible } from "./visible.ts";

const KINDS = ["container", "image", "volume"] as const;
type Kind = (typeof KINDS)[number];

const LATER_KINDS = new Set(["network", "pod", "plugin", "service", "node", "task"]);

const REFUSED = { switches: "latest|l" };

export const inspect: Command = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  arguments: { min: 1 },
  flags: [
    OBJECT_FORMAT,
    { name: "size", short: "s", help: "Display total file sizes if the type is container" },
    { name: "type", value: "string", help: 'Only inspect "container", "image" or "volume"' },
  ],
  refused: REFUSED,
  run: (call) => inspectCall(call, kindsOf(call.flags.last("type"))),
};

export const inspectContainers: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: { min: 1 },
  flags: [OBJECT_FORMAT, { name: "size", short: "s", help: "Display total file sizes" }],
  refused: REFUSED,
  run: (call) => inspectCall(call, ["container"]),
};

export const inspectImages: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: { min: 1 },
  flags: [OBJECT_FORMAT],
  refused: { values: "platform" },
  run: (call) => inspectCall(call, ["image"]),
};

export async function inspectCall(call: Call, kinds: readonly Kind[]): Promise<number> {
  const show = showAs(call.flags.last("format"));
  await using engine = await openCliEngine(call.engine);
  const size = call.flags.has("size");
  return await inspectAll(call.args, (name) => look(engine, name, { kinds, size }), show);
}

function kindsOf(type: string | undefined): readonly Kind[] {
  if (type === undefined || type === "") return KINDS;
  const kind = KINDS.find((one) => one === type);
  if (kind !== undefined) return [kind];
  if (LATER_KINDS.has(type)) throw notSupported(`--type ${type}`);
  throw new UsageError(`unknown type: "${type}"`, { exitCode: 1 });
}

/** What is said to be an object of the first kind that has the name. */
async function look(
  engine: Engine,
  name: string,
  { kinds, size }: { readonly kinds: readonly Kind[]; readonly size: boolean },
): Promise<object> {
  for (const kind of kinds) {
    if (kind === "container") {
      const container = await engine.containers.find(name);
      if (container !== undefined) return container.inspect({ size });
    } else if (kind === "volume") {
      if ((await engine.volumes.find(name)) !== undefined) return engine.volumes.inspect(name);
    } else if (kinds.length === 1) {
      return engine.images.inspect(name);
    } else if (isImageName(name)) {
      const image = await engine.images.find(name);
      if (image !== undefined) return engine.images.inspect(image.id);
    }
  }
  const what = kinds.length > 1 ? "object" : kinds[0];
  throw new MarmitaError("NOT_FOUND", `no such ${what}: ${name}`, {
    hint: kinds.includes("image") ? await guess(engine, name) : undefined,
    details: { name },
  });
}

/** An image whose name is close; images that cannot be listed are not worth another complaint. */
async function guess(engine: Engine, name: string): Promise<string | undefined> {
  const known = (await engine.images.list().catch(() => [])).flatMap(({ names }) => names);
  const close = similarNames(name, known);
  return close.length === 0 ? undefined : `Did you mean ${close.join(" or ")}?`;
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

/** What is printed of one object after another, and in the end. */
interface Show {
  add(object: object): void;
  end(): void;
}

/** A list in JSON, in one line if asked; or what a template makes of each. */
function showAs(format: string | undefined): Show {
  if (format !== undefined && format !== "" && format !== "json") return showByTemplate(format);
  const found: object[] = [];
  return {
    add: (object) => void found.push(object),
    end: () => print(`${visible(JSON.stringify(found, null, format === "json" ? 0 : 4))}\n`),
  };
}

/** What is printed stays printed when the template fails for one that follows. */
function showByTemplate(source: string): Show {
  const format = readTemplate(() => new InspectFormat(source));
  return { add: (object) => print(format.format(object)), end: () => {} };
}

/** What was found is shown, then what was not is told. */
async function inspectAll(
  names: readonly string[],
  inspectOne: (name: string) => Promise<object>,
  show: Show,
): Promise<number> {
  const faults: unknown[] = [];
  for (const name of names) {
    try {
      show.add(await inspectOne(name));
    } catch (error) {
      if (!isMarmitaError(error)) throw error;
      faults.push(error);
    }
  }
  show.end();
  for (const fault of faults) printError(formatError(fault, isDebugging()));
  return faults.length === 0 ? 0 : 1;
}
