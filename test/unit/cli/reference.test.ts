import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS, GROUPS } from "../../../lib/cli/commands.ts";
import { formatCommandHelp, formatProgramHelp } from "../../../lib/cli/help.ts";
import { GLOBAL } from "../../../lib/cli/main.ts";

const reference = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
const shown = COMMANDS.filter(({ hidden }) => hidden !== true);

describe("docs/cli.md", () => {
  it("has the help of the program", () => {
    const help = formatProgramHelp({ groups: GROUPS, entries: shown, flags: GLOBAL.flags });

    expect(reference).toContain(`\`\`\`text\n${help}\`\`\`\n`);
  });

  it.each(shown.map((entry) => ({ path: entry.names.at(-1) ?? "", entry })))(
    "has the help of $path",
    async ({ path, entry }) => {
      const help = formatCommandHelp({ path, entry, command: await entry.load() });

      expect(reference).toContain(`### marmita ${path}\n\n\`\`\`text\n${help}\`\`\`\n`);
    },
  );
});
