import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

describe.runIf(requireUserNamespaces())("marmita run -d", () => {
  expectNothingLeft();

  let cli: Cli;
  beforeAll(async () => {
    cli = await busyboxCli();
  });

  it("prints the whole id, and leaves the container behind", async () => {
    const file = join(await temporaryFolder(), "id");
    const { exitCode, stdout, stderr } = await cli.call([
      "run",
      "-d",
      "--name=box",
      `--cidfile=${file}`,
      "busybox",
      "sleep",
      "1000",
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(readFileSync(file, "utf8")).toBe(stdout.trim());

    expect((await cli.call(["ps", "--no-trunc"])).stdout).toMatch(
      new RegExp(`^${stdout.trim()} .* Up .* box$`, "m"),
    );
    expect((await cli.call(["rm", "box"])).stderr).toContain("is running");
    expect(await cli.call(["rm", "-f", "box"])).toMatchObject({ exitCode: 0, stdout: "box\n" });
  });

  it("goes with --rm when it ends", async () => {
    const { stdout } = await cli.call(["run", "-d", "--rm", "busybox", "true"]);
    await expect
      .poll(async () => (await cli.call(["ps", "-aq", "--no-trunc"])).stdout, { timeout: 5_000 })
      .not.toContain(stdout);
  });

  it.each([
    ["no such command", ["busybox", "/no/such"], 127],
    ["a command that is none", ["busybox", "/etc"], 126],
    ["no such image", ["no-such-image"], 125],
  ])("tells of %s as in the foreground", async (_, args, exitCode) => {
    const ended = await cli.call(["run", "-d", "--rm", ...args]);
    expect(ended).toMatchObject({ exitCode, stdout: "" });
    expect(ended.stderr).toMatch(/^marmita: /);
  });
});
