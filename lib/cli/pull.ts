/** `marmita pull`. */
import { MarmitaError } from "../errors.ts";
import { familiarName, hasTag, parseReference } from "../oci/reference.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";
import { showProgress, statusLine } from "./progress.ts";
import { REGISTRY_FLAGS, registryAccess } from "./registry-flags.ts";

export const pull: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  arguments: { min: 1, max: 1 },
  flags: [
    { name: "all-tags", short: "a", help: "Download all tagged images in the repository" },
    {
      name: "platform",
      value: "string",
      help: "Pull the image for another platform (os/arch[/variant])",
    },
    { name: "quiet", short: "q", help: "Suppress verbose output" },
    ...REGISTRY_FLAGS,
  ],
  refused: {
    switches: "disable-content-trust",
    values: "arch cert-dir creds decryption-key os policy retry retry-delay variant",
  },
  async run({ flags, args: [name = ""], engine: options }) {
    const isOneOfSeveral = flags.has("all-tags");
    checkName(name, isOneOfSeveral);
    const quiet = flags.has("quiet");
    const platform = flags.last("platform") ?? "";
    const access = { ...registryAccess(flags), ...(platform === "" ? {} : { platform }) };
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      using progress = showProgress({ verb: "pull", descriptor: 1, quiet, isOneOfSeveral });
      const pulling = { ...access, onProgress: progress.onProgress, signal };
      if (isOneOfSeveral) {
        const images = await engine.images.pullAll(name, pulling);
        const isNew = images.some((image) => image.isNew);
        const repository = parseReference(images[0]?.reference ?? name);
        progress.say(statusLine(familiarName(repository), isNew));
        print(`${repository.domain}/${repository.path}\n`);
        return;
      }
      if (!isExact(name)) progress.say("Using default tag: latest");
      const { reference } = await engine.images.pull(name, pulling);
      print(`${reference}\n`);
    });
  },
};

/** Whether a tag or a digest was said. */
function isExact(name: string): boolean {
  return hasTag(name) || parseReference(name).digest !== undefined;
}

function checkName(name: string, isOneOfSeveral: boolean): void {
  parseReference(name);
  if (!isOneOfSeveral || !isExact(name)) return;
  const message = "tag can't be used with --all-tags/-a";
  throw new MarmitaError("INVALID_ARGUMENT", message, { details: { name } });
}
