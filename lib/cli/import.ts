/** `marmita import`. */
import type { Readable } from "node:stream";
import { isatty } from "node:tty";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";
import { UsageError } from "./usage.ts";

export const importRootfs: Command = {
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  arguments: { min: 1, max: 2 },
  flags: [
    { name: "arch", value: "string", help: "Set architecture of the image" },
    {
      name: "change",
      short: "c",
      value: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    { name: "message", short: "m", value: "string", help: "Set commit message for imported image" },
    { name: "os", value: "string", help: "Set operating system of the image" },
    { name: "platform", value: "string", help: "Set platform of the image (os/arch[/variant])" },
    { name: "quiet", short: "q", help: "Suppress progress (there is none yet)" },
    { name: "variant", value: "string", help: "Set variant of the image's architecture" },
  ],
  refused: {},
  async run({ flags, args, engine: options }) {
    const [file = "", name] = args;
    const platform = platformOf(flags);
    if (file === "-" && isatty(0)) {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        "requested import from stdin, but it is a terminal",
      );
    }
    const isUrl = /^https?:\/\//.test(file);
    const message = flags.last("message") ?? (isUrl ? `Imported from ${file}` : undefined);
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      const source = file === "-" ? { fd: 0 } : isUrl ? await download(file, signal) : file;
      const image = await engine.images.import(source, name, {
        changes: flags.all("change"),
        ...(message === undefined ? {} : { message }),
        ...(platform === undefined ? {} : { platform }),
        signal,
      });
      print(`${image.id}\n`);
    });
  },
};

/** Docker's one word, or Podman's three. */
function platformOf(flags: ParsedFlags): string | undefined {
  const platform = flags.last("platform");
  const [os, arch, variant] = ["os", "arch", "variant"].map((name) => flags.last(name));
  if (os === undefined && arch === undefined && variant === undefined) return platform;
  if (platform !== undefined) {
    throw new UsageError("--platform and --os, --arch, --variant exclude each other");
  }
  const parts = [os ?? "linux", arch ?? process.arch];
  return [...parts, ...(variant === undefined ? [] : [variant])].join("/");
}

async function download(url: string, signal: AbortSignal): Promise<Readable> {
  const { Readable: stream } = await import("node:stream");
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    // What fetch itself says is "fetch failed".
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const words = why instanceof Error ? why.message : String(why);
    throw new MarmitaError("UNAVAILABLE", `download ${url}: ${words}`, { cause });
  }
  if (response.ok && response.body !== null) return stream.fromWeb(response.body);
  await response.body?.cancel();
  const { status, statusText } = response;
  const code = status === 404 ? "NOT_FOUND" : "UNAVAILABLE";
  throw new MarmitaError(code, `download ${url}: ${status} ${statusText}`.trimEnd());
}
