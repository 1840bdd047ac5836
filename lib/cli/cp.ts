/** `marmita cp`. */
import { isatty } from "node:tty";
import type { Engine } from "../engine/engine.ts";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { printError } from "./output.ts";
import { toOutput } from "./to-output.ts";
import { formatSize } from "./units.ts";
import { notSupported, UsageError } from "./usage.ts";
import { visible } from "./visible.ts";

export const cp: Command = {
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  arguments: { min: 2, max: 2 },
  flags: [
    { name: "archive", short: "a", help: "Archive mode (copy all uid/gid information)" },
    { name: "follow-link", short: "L", help: "Always follow symbol link in SRC_PATH" },
    {
      name: "quiet",
      short: "q",
      help: "Suppress what is told after the copy. It is suppressed anyway if no terminal is attached",
    },
  ],
  refused: { switches: "overwrite" },
  async run({ flags, args, engine: options }) {
    const [source = "", target = ""] = args;
    const [from, to] = [parseCopyArgument(source), parseCopyArgument(target)];
    if (from.container !== undefined && to.container !== undefined) {
      throw notSupported("copying between containers");
    }
    const owners = flags.has("archive");
    const copying = { keepOwners: owners, followLinks: flags.has("follow-link") };
    await using engine = await openCliEngine(options);
    const isQuiet = flags.has("quiet") || !isatty(2);
    if (to.container !== undefined) {
      const asked = { container: to.container, path: to.path, place: from.path };
      return await copyIn(engine, { ...asked, options: copying, isQuiet });
    }
    if (from.container !== undefined) {
      const asked = { container: from.container, path: from.path, place: to.path };
      return await copyOut(engine, { ...asked, options: copying, isQuiet });
    }
    throw new UsageError("must specify at least one container source", { exitCode: 1 });
  },
};

/** An argument of `cp`; without `container` it is a path of this machine, or `-`. */
export interface CopyArgument {
  readonly container?: string;
  readonly path: string;
}

/** `CONTAINER:PATH`, unless what stands before the colon begins like a path. */
export function parseCopyArgument(text: string): CopyArgument {
  const colon = text.indexOf(":");
  if (colon <= 0 || text.startsWith("/") || text.startsWith(".")) return { path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

interface Asked {
  readonly container: string;
  /** In there. */
  readonly path: string;
  /** Of this machine, or `-`. */
  readonly place: string;
  readonly options: { readonly keepOwners: boolean; readonly followLinks: boolean };
  readonly isQuiet: boolean;
}

async function copyIn(engine: Engine, asked: Asked): Promise<number> {
  const { path, place, options } = asked;
  if (place === "-" && isatty(0)) {
    throw new MarmitaError("INVALID_ARGUMENT", "cannot read a tar from a terminal", {
      hint: "Redirect one to stdin: marmita cp - CONTAINER:PATH < FILE",
    });
  }
  const container = await engine.containers.get(asked.container);
  return interruptible(async (signal) => {
    const source = place === "-" ? { fd: 0 } : place;
    const copied = await container.copyInto(path, source, { ...options, signal });
    tell(copied, { ...asked, target: `${asked.container}:${path}` });
  });
}

async function copyOut(engine: Engine, asked: Asked): Promise<number> {
  const { path, place, options } = asked;
  const container = await engine.containers.get(asked.container);
  if (place === "-") {
    if (isatty(1)) {
      throw new MarmitaError("INVALID_ARGUMENT", "cannot write a tar to a terminal", {
        hint: "Redirect it to a file: marmita cp CONTAINER:PATH - > FILE",
      });
    }
    return toOutput(undefined, (target, signal) =>
      container.copyOut(path, target, { ...options, signal }),
    );
  }
  return interruptible(async (signal) => {
    const copied = await container.copyOut(path, place, { ...options, signal });
    tell(copied, { ...asked, target: place });
  });
}

/** What is missing in the end is told however quiet it is to be. */
function tell(
  {
    size,
    devices,
    unowned,
  }: { readonly size: number; readonly devices: number; readonly unowned: number },
  { isQuiet, target }: { readonly isQuiet: boolean; readonly target: string },
): void {
  if (devices > 0) printError(`marmita: ${devices} device nodes were left out\n`);
  if (unowned > 0) printError(`marmita: ${unowned} files could not be given their owner\n`);
  if (!isQuiet) printError(`Successfully copied ${formatSize(size)} to ${visible(target)}\n`);
}
