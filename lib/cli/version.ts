/** `marmita version`. */
import { versionInfo } from "../util/version-info.ts";
import { hostPlatform } from "../oci/platform.ts";
import type { Command } from "./command.ts";
import { OBJECT_FORMAT } from "./format-flag.ts";
import { readTemplate } from "./read-template.ts";
import { print } from "./output.ts";

export const version: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [OBJECT_FORMAT],
  refused: {},
  async run({ flags }) {
    const format = flags.last("format") ?? "";
    if (format === "") {
      print(versionText());
      return 0;
    }
    const { Template } = await import("./template/template.ts");
    const template = readTemplate(() => {
      return new Template(format === "json" ? "{{json .}}" : format, { name: "version" });
    });
    print(`${template.execute(versionObject(), { typeName: "versionInfo" })}\n`);
    return 0;
  },
};

function versionText(): string {
  const { Version, NodeVersion, Os, Arch, KernelVersion } = versionObject().Client;
  return [
    "marmita",
    ` Version:    ${Version}`,
    ` Node.js:    ${NodeVersion}`,
    ` OS/Arch:    ${Os}/${Arch}`,
    ` Kernel:     ${KernelVersion}`,
    "",
  ].join("\n");
}

/** In Docker's keys. There is no server: what runs containers is the client itself. */
function versionObject() {
  const { version: Version, node: NodeVersion, kernel: KernelVersion } = versionInfo();
  const { platform: Os } = process;
  const { architecture: Arch } = hostPlatform();
  return { Client: { Version, NodeVersion, Os, Arch, KernelVersion }, Server: null };
}

/** `marmita --version`. */
export function versionLine(): string {
  return `marmita version ${versionInfo().version}\n`;
}
