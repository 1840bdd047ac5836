import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, PROGRAM } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("marmita export", () => {
  let cli: Cli;
  let folder: string;

  beforeAll(async () => {
    cli = await busyboxCli();
    folder = await temporaryFolder();
    const script = "mkdir /lunch && echo feijoada > /lunch/menu";
    await cli.call(["run", "--name", "cook", "busybox", "sh", "-c", script]);
  });

  it.each([
    ["export", ["export", "-o"]],
    ["container export", ["container", "export", "--output"]],
  ])("as %s writes a file for its owner alone, and says nothing", async (name, words) => {
    const path = join(folder, `${name}.tar`);

    const done = await cli.call([...words, path, "cook"]);

    expect(done).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(output(["tar", "-xOf", path, "lunch/menu"])).toBe("feijoada\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("goes through a pipe into tar, and into import", async () => {
    const listed = cli.shell("$MARMITA export cook | tar -t");
    expect(await listed.ended).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^lunch\/menu$/m),
      stderr: "",
    });

    const imported = cli.shell(
      "$MARMITA export cook | $MARMITA import -c 'CMD [\"cat\"]' - lunch:1",
    );
    expect(await imported.ended).toMatchObject({ exitCode: 0, stderr: "" });
    const { stdout } = await cli.call(["run", "--rm", "lunch:1", "cat", "/lunch/menu"]);
    expect(stdout).toBe("feijoada\n");
  });

  it("refuses to write to a terminal", async () => {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    const words = [process.execPath, PROGRAM, "export", "cook"];
    await using terminal = new TestTerminal(words, { env });

    const [shown] = await terminal.shows(/cowardly .*/);

    expect(shown).toContain("refusing to save to a terminal. Use the -o flag or redirect");
  });

  it("ends as others do when nobody reads on", async () => {
    const { ended } = cli.shell(
      '$MARMITA export cook | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"',
    );

    expect(await ended).toEqual({ exitCode: 0, stdout: "141\n", stderr: "" });
  });

  it.each([
    ["a container that is not there", ["export", "-o", "x.tar", "nobody"], "nobody"],
    ["no container", ["export"], "'marmita export' requires 1 argument"],
    ["--latest", ["export", "-l"], "-l (--latest) is not supported yet"],
  ])("fails with words for %s", async (_, args, message) => {
    const done = await cli.call(args, { cwd: folder });

    expect(done.exitCode).toBeGreaterThan(0);
    expect(done.stdout).toBe("");
    expect(done.stderr).toContain(message);
    expect(existsSync(join(folder, "x.tar"))).toBe(false);
  });
});
