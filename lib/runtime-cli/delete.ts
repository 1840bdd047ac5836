/** `marmita-runtime delete`. */
import { deleteContainer as deleteBundleContainer } from "../bundles/delete.ts";
import type { RuntimeCommand } from "./command.ts";

export const deleteContainer: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER",
  about: [
    "A container that is not stopped is refused without --force; with it, one that is not there " +
      "is no failure.",
  ],
  arguments: { min: 1, max: 1 },
  flags: [{ name: "force", short: "f", help: "End it first, by SIGKILL, whatever it does" }],
  refused: { switches: "regex|r" },
  async run({ flags, args: [id = ""], global: { root, log } }) {
    const onWarning = (text: string) => log.warn(text);
    await deleteBundleContainer(id, { root, force: flags.has("force"), onWarning });
    return 0;
  },
};
