import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("marmita commit", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
    await cli.call(["run", "--name", "box", "busybox", "touch", "/a"]);
  });

  it("prints the id of the image", async () => {
    const done = await cli.call(["commit", "box", "mine:1"]);
    const { stdout } = await cli.call(["images", "-q", "--no-trunc", "mine:1"]);

    expect(done).toEqual({ exitCode: 0, stdout, stderr: "" });
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await cli.call(["run", "--rm", "mine:1", "ls", "/a"])).toMatchObject({
      stdout: "/a\n",
    });
  });

  it("takes author, message and changes, and has both spellings", async () => {
    const flags = ["-a", "Ana", "-m", "why", "-c", 'CMD ["id", "-u"]', "-c", "ENV A=1", "-p=false"];
    await cli.call(["container", "commit", ...flags, "box", "mine:2"]);

    const { stdout } = await cli.call(["inspect", "mine:2"]);

    expect(JSON.parse(stdout)).toMatchObject([
      {
        Author: "Ana",
        Comment: "why",
        Config: { Cmd: ["id", "-u"], Env: expect.arrayContaining(["A=1"]) },
      },
    ]);
    expect(await cli.call(["run", "--rm", "mine:2"])).toMatchObject({ stdout: "0\n" });
  });

  it("is dated by SOURCE_DATE_EPOCH", async () => {
    const env = { SOURCE_DATE_EPOCH: "1700000000" };

    const first = await cli.call(["commit", "box"], { env });
    const second = await cli.call(["commit", "box"], { env });
    const { stdout } = await cli.call(["inspect", first.stdout.trim()]);

    expect(second.stdout).toBe(first.stdout);
    expect(JSON.parse(stdout)).toMatchObject([{ Created: "2023-11-14T22:13:20Z" }]);
    expect(await cli.call(["commit", "box"], { env: { SOURCE_DATE_EPOCH: "today" } })).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(/^marmita: SOURCE_DATE_EPOCH is "today", no time\n/),
    });
  });

  it("says when container and image look swapped", async () => {
    expect(await cli.call(["commit", "mine:9", "box"])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "marmita: no such container: mine:9\nThe container comes first: marmita commit box mine:9\n",
    });
    expect(await cli.call(["commit", "nobody", "mine:9"])).toMatchObject({
      stderr: "marmita: no such container: nobody\n",
    });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("leaves nothing behind when it is ended by %s", async (signal, exitCode) => {
    await cli.call(["run", "--name", signal, "busybox", "truncate", "-s", "1T", "/hole"]);
    const store = join(cli.root, "images");
    const before = readdirSync(store).toSorted();
    const called = cli.start(["commit", signal, "never"]);
    await eventually(
      "its draft",
      () => readdirSync(store).length > before.length || undefined,
      15_000,
    );

    called.child.kill(signal);

    expect(await called.ended).toEqual({ exitCode, stdout: "", stderr: "" });
    expect(readdirSync(store).toSorted()).toEqual(before);
    expect(await cli.call(["images", "-q", "never"])).toMatchObject({ stdout: "" });
  });

  it.each([
    ["a name that is none", ["box", "Mine"], 1, "a name is in lower case"],
    ["a change that is none", ["-c", "RUN x", "box", "mine:3"], 1, "RUN is not one of"],
    ["no container", [], 1, "requires at least 1 argument"],
    ["too many arguments", ["box", "a", "b"], 1, "requires"],
    ["--squash", ["--squash", "box"], 125, "--squash is not supported yet"],
    ["--format", ["-f", "docker", "box"], 125, "-f (--format) is not supported yet"],
    ["a pause and none", ["-p", "--no-pause", "box"], 125, "--no-pause and --pause"],
  ])("refuses %s", async (_what, args, exitCode, message) => {
    const done = await cli.call(["commit", ...args]);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(message);
  });
});
