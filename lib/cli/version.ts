/** `marmita version`. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import type { Command } from "./command.ts";
import { print } from "./output.ts";

export const version: Command = {
  usage: "",
  arguments: { min: 0, max: 0 },
  flags: [],
  refused: { values: "format|f" },
  async run() {
    print(
      [
        "marmita",
        ` Version:    ${packageVersion()}`,
        ` Node.js:    ${process.version}`,
        ` OS/Arch:    ${process.platform}/${process.arch}`,
        ` Kernel:     ${release()}`,
        "",
      ].join("\n"),
    );
    return 0;
  },
};

/** `marmita --version`. */
export function versionLine(): string {
  return `marmita version ${packageVersion()}\n`;
}

/** The package is two folders up from the sources and from what is built of them. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const description: unknown = JSON.parse(text);
  if (typeof description !== "object" || description === null || !("version" in description)) {
    return "unknown";
  }
  return String(description.version);
}
