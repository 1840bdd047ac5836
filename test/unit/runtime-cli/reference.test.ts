import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS, REFUSED } from "../../../lib/runtime-cli/commands.ts";
import { GLOBAL } from "../../../lib/runtime-cli/global.ts";
import { formatCommandHelp, formatProgramHelp } from "../../../lib/runtime-cli/help.ts";

const reference = readFileSync(new URL("../../../docs/runtime.md", import.meta.url), "utf8");

describe("docs/runtime.md", () => {
  it("has the help of the program", () => {
    const help = formatProgramHelp({ entries: COMMANDS, flags: GLOBAL.flags });

    expect(reference).toContain(`\`\`\`text\n${help}\`\`\`\n`);
  });

  it.each(COMMANDS.map((entry) => ({ name: entry.name, entry })))(
    "has the help of $name",
    async ({ name, entry }) => {
      const help = formatCommandHelp({ entry, command: await entry.load() });

      expect(reference).toContain(`### marmita-runtime ${name}\n\n\`\`\`text\n${help}\`\`\`\n`);
    },
  );

  it.each(Object.keys(REFUSED))("says that %s is refused", (name) => {
    expect(reference).toContain(`\`${name}\``);
  });

  it("has no line in a help that a terminal would break", async () => {
    const helps = await Promise.all(
      COMMANDS.map(async (entry) => formatCommandHelp({ entry, command: await entry.load() })),
    );

    expect(helps.flatMap((help) => help.split("\n")).filter((line) => line.length > 80)).toEqual(
      [],
    );
  });
});
