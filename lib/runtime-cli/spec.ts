/** `marmita-runtime spec`. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import type { RuntimeCommand } from "./command.ts";
import { defaultSpec } from "./default-spec.ts";

export const spec: RuntimeCommand = {
  usage: "[OPTIONS]",
  about: [
    "It says to run a shell at a terminal, in the root file system `rootfs` beside it. Change " +
      "process.args and process.terminal for another command.",
  ],
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "bundle", short: "b", value: "directory", help: "Where to write it (default: here)" },
    {
      name: "file",
      short: "f",
      value: "path",
      help: 'Another name for it, from there (default "config.json")',
    },
    {
      name: "rootless",
      help:
        "For the user who calls: with a user namespace that has this one id, as other runtimes " +
        "need it; without, marmita-runtime maps all ids that the user has",
    },
  ],
  refused: {},
  async run({ flags }) {
    const path = resolve(flags.last("bundle") ?? "", flags.last("file") || "config.json");
    const { geteuid, getegid } = process;
    const ids = { uid: geteuid?.() ?? 0, gid: getegid?.() ?? 0 };
    const json = defaultSpec(flags.has("rootless") ? ids : undefined);
    await writeNew(path, `${JSON.stringify(json, undefined, 2)}\n`);
    return 0;
  },
};

/** What is there is somebody's work. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "EEXIST") {
      throw new MarmitaError("ALREADY_EXISTS", `${path} is there already`, {
        cause,
        hint: "Remove it first, or name another with --file.",
        details: { path },
      });
    }
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `cannot write ${path}: ${errnoWords(errno ?? "EIO")}`,
      { cause, syscall: "open", errno, details: { path } },
    );
  }
}
