/** `marmita version`. */
import { versionInfo } from "../engine/info.ts";
import type { Command } from "./command.ts";
import { print } from "./output.ts";

export const version: Command = {
  usage: "",
  arguments: { min: 0, max: 0 },
  flags: [],
  refused: { values: "format|f" },
  async run() {
    const { version: ours, node, kernel } = versionInfo();
    print(
      [
        "marmita",
        ` Version:    ${ours}`,
        ` Node.js:    ${node}`,
        ` OS/Arch:    ${process.platform}/${process.arch}`,
        ` Kernel:     ${kernel}`,
        "",
      ].join("\n"),
    );
    return 0;
  },
};

/** `marmita --version`. */
export function versionLine(): string {
  return `marmita version ${versionInfo().version}\n`;
}
