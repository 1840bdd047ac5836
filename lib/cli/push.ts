/** `marmita push`. */
import { writeFile } from "node:fs/promises";
import { MarmitaError } from "../errors.ts";
import type { TransferProgress } from "../images/progress.ts";
import type { PushCompression } from "../images/pushed-layer.ts";
import { canonical, hasTag, parseReference } from "../oci/reference.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";
import { showProgress } from "./progress.ts";
import { REGISTRY_FLAGS, registryAccess } from "./registry-flags.ts";

const COMPRESSIONS: readonly PushCompression[] = ["gzip", "zstd", "keep"];

export const push: Command = {
  usage: "[OPTIONS] NAME[:TAG]",
  arguments: { min: 1, max: 1 },
  flags: [
    { name: "all-tags", short: "a", help: "Push all tags of an image to the repository" },
    {
      name: "compression-format",
      value: "string",
      help: 'Compress layers that are plain tars with "gzip" or "zstd", or "keep" them (default "gzip")',
    },
    { name: "digestfile", value: "string", help: "Write the digest of the pushed image to a file" },
    { name: "quiet", short: "q", help: "Suppress verbose output" },
    ...REGISTRY_FLAGS,
  ],
  refused: {
    switches: "disable-content-trust force-compression remove-signatures",
    values: `
      cert-dir compression-level creds encrypt-layer encryption-key format|f platform retry
      retry-delay sign-by sign-by-sigstore sign-by-sigstore-private-key sign-passphrase-file`,
  },
  async run({ flags, args: [name = ""], engine: options }) {
    const isAll = flags.has("all-tags");
    const quiet = flags.has("quiet");
    const digestFile = flags.last("digestfile");
    const [compression = "gzip"] = flags.map("compression-format", compressionOf).slice(-1);
    const access = { ...registryAccess(flags), compression };
    const reference = parseReference(name);
    if (isAll && hasTag(name)) throw tagAndAll(name);
    const repository = `${reference.domain}/${reference.path}`;
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      using shown = showProgress({ verb: "push", descriptor: 1, quiet });
      if (!isAll && !hasTag(name) && reference.digest === undefined) {
        shown.say("Using default tag: latest");
      }
      shown.say(`The push refers to repository [${repository}]`);
      const onProgress = (progress: TransferProgress) => {
        shown.onProgress(progress);
        if (progress.layer === undefined) for (const line of endOf(progress)) shown.say(line);
      };
      const pushing = { ...access, onProgress, signal };
      const pushed = isAll
        ? await engine.images.pushAll(name, pushing)
        : [await engine.images.push(name, pushing)];
      if (digestFile !== undefined) {
        await writeFile(digestFile, pushed.map(({ digest }) => digest).join("\n"));
      }
      if (quiet) print(`${isAll ? repository : canonical(reference)}\n`);
    });
  },
};

function tagAndAll(name: string): MarmitaError {
  const message = "tag can't be used with --all-tags/-a";
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { name } });
}

/** As Docker tells it when an image is there. */
function endOf({ phase, reference, digest, totalBytes }: TransferProgress): readonly string[] {
  if (phase !== "done" || reference === undefined) return [];
  return [`${parseReference(reference).tag}: digest: ${digest} size: ${totalBytes}`];
}

function compressionOf(text: string): PushCompression {
  const found = COMPRESSIONS.find((each) => each === text);
  if (found !== undefined) return found;
  throw new MarmitaError("INVALID_ARGUMENT", `expected ${COMPRESSIONS.join(", ")}`);
}
