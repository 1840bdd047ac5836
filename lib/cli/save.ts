/** `marmita save`. */
import { MarmitaError } from "../errors.ts";
import type { SaveFormat } from "../images/save.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { toOutput } from "./to-output.ts";
import { notSupported, UsageError } from "./usage.ts";

const FORMATS: readonly SaveFormat[] = ["docker-archive", "oci-archive", "oci-dir"];

export const save: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: { min: 1 },
  flags: [
    {
      name: "format",
      value: "string",
      help: 'Write "docker-archive" (an OCI layout too), "oci-archive" or "oci-dir" (a directory) (default "docker-archive")',
    },
    { name: "output", short: "o", value: "string", help: "Write to a file, instead of STDOUT" },
    {
      name: "platform",
      value: "string",
      help: 'Save only the given platform variant. Formatted as "os[/arch[/variant]]"',
    },
    { name: "quiet", short: "q", help: "Suppress progress (there is none yet)" },
    { name: "uncompressed", help: "Write layers as plain tars, for tools that read no others" },
  ],
  refused: { switches: "compress multi-image-archive|m" },
  async run({ flags, args, engine: options }) {
    const [format = "docker-archive"] = flags.map("format", formatOf).slice(-1);
    const platform = flags.last("platform");
    const output = flags.last("output");
    if (format === "oci-dir" && output === undefined) {
      throw new UsageError("--format oci-dir needs -o, --output: a directory", { exitCode: 1 });
    }
    await using engine = await openCliEngine(options);
    return await toOutput(output, (target, signal) =>
      engine.images.save(args, target, {
        format,
        uncompressed: flags.has("uncompressed"),
        ...(platform === undefined ? {} : { platform }),
        signal,
      }),
    );
  },
};

/** Podman's. */
function formatOf(text: string): SaveFormat {
  const format = FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  if (text === "docker-dir") throw notSupported("--format docker-dir");
  throw new MarmitaError("INVALID_ARGUMENT", `expected ${FORMATS.join(", ")}`);
}
