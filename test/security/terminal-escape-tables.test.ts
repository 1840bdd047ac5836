/** Control characters in an image's command, labels and times, in what the command line prints of it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { hostileArchive } from "../../fixtures/hostile/image.mjs";
import { emptyCli, type Cli } from "../integration/cli-command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** The title, a color, C1's way to clear the screen, and DEL. */
const ESCAPES = "\u001B]0;title\u0007\u001B[31m\u009B2J\u007F\r\u0008";
const CONTROL = /[^\P{Cc}\n\t]/u;

describe.runIf(requireUserNamespaces())(
  "what is printed of an image full of control characters",
  () => {
    expectNothingLeft();

    let cli: Cli;

    beforeAll(async () => {
      cli = await emptyCli();
      const path = join(await temporaryFolder(), "hostile.tar");
      const archive = hostileArchive(
        {
          name: "escapes",
          odd: "",
          config: {
            Cmd: ["true", ESCAPES],
            User: "0",
            WorkingDir: `/${ESCAPES}`,
            Env: [`A=${ESCAPES}`],
            Labels: { [ESCAPES]: ESCAPES },
            ExposedPorts: { [ESCAPES]: {} },
            StopSignal: ESCAPES,
          },
          document: { created: ESCAPES, author: ESCAPES, history: [{ created_by: ESCAPES }] },
          expected: { kind: "refused", code: "", words: [] },
        },
        { name: "hostile", whole: true },
      );
      await writeFile(path, archive);
      await cli.call(["load", "-i", path]);
      await cli.call(["run", "--name", "kept", "hostile"]);
    });

    it("is loaded and runs", async () => {
      expect(await cli.call(["ps", "-aq"])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^\w{12}\n$/) as unknown,
      });
    });

    it.each([
      ["ps -a --no-trunc"],
      ["ps -a"],
      ["images --no-trunc"],
      ["images"],
      ["inspect hostile"],
      ["inspect kept"],
      ["ps -a --format {{.Command}}{{.Labels}}"],
      ["ps -a --format json"],
      ["images --format json"],
      ["history hostile"],
      ["history --no-trunc --format {{.CreatedBy}}{{.CreatedAt}} hostile"],
      ["inspect -f {{.Config}}{{.|json}} hostile"],
      ["inspect -f {{.Config}}{{.Created}}{{.Author}} hostile"],
      ["inspect -f {{.|json}} kept"],
      ["inspect --format json hostile kept"],
      ["inspect -f {{range.Config.Env}}{{.}}{{end}} kept"],
      [`inspect -f {{${ESCAPES}}} kept`],
      [`images -f ${ESCAPES}=1`],
      ["debug plan kept"],
      [`run --rm hostile /${ESCAPES}`],
      [`run --rm --workdir /etc/passwd/${ESCAPES} hostile`],
      [`rmi ${ESCAPES}`],
      [`rm ${ESCAPES}`],
      [`load -i /${ESCAPES}`],
    ])("%j steers no terminal", async (line) => {
      const { stdout, stderr } = await cli.call(line.split(" "));

      expect(`${stdout}${stderr}`).not.toBe("");
      expect(`${stdout}${stderr}`.match(CONTROL)).toBeNull();
    });
  },
);
