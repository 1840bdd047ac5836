/** Control characters in what an image says of itself, on the terminal of whoever runs it. */
import { describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { formatError } from "../../lib/cli/report.ts";
import { run } from "../../lib/api/run.ts";
import { testEngine } from "../helpers/engine.ts";
import { archive, dockerMembers, image } from "../helpers/image-layouts.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const ESCAPES = "\u001B]0;title\u0007\u001B[31m\u009B2J\u007F";
const LAYER = tarArchive([{ path: "file", content: "x" }]);

describe.runIf(requireUserNamespaces())("an error that quotes a hostile image", () => {
  expectNothingLeft();

  it.each([
    ["its command", { Cmd: [ESCAPES] }],
    ["its user", { User: ESCAPES, Cmd: ["x"] }],
    ["its working directory", { WorkingDir: `/file/${ESCAPES}`, Cmd: ["x"] }],
  ])("for %s does not steer the terminal", async (_, config) => {
    const engine = await testEngine();
    const made = image([LAYER], { config });
    await engine.images.load(await archive(dockerMembers([{ ...made, tags: ["hostile"] }])));

    const error: unknown = await run("hostile", [], { engine, remove: true }).catch(
      (reason: unknown) => reason,
    );

    const printed = [formatError(error), formatError(error, true)].join("");
    expect(printed).toContain(String.raw`\u001b]0;title\u0007`);
    expect(printed).not.toMatch(/[^\P{Cc}\n\t]/u);
  });
});
