import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openEngine } from "../../lib/engine/engine.ts";
import { FakeKeeper } from "../helpers/fake-keeper.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const TIME = "2026-11-22T09:00:00.123456789Z";

describe.runIf(requireUserNamespaces())("marmita logs", () => {
  expectNothingLeft();

  let cli: Cli;
  let id: string;
  let keeper: FakeKeeper | undefined;

  beforeAll(async () => {
    cli = await busyboxCli();
    await using engine = await openEngine({ root: cli.root });
    const options = { image: "busybox", name: "web" };
    ({ id } = await engine.containers.create(options));
    await engine.containers.create({
      ...options,
      name: "silent",
      log: { driver: "none" },
    });
    const lines = ["stdout F one", "stderr F two", "stdout F three"];
    appendFileSync(path("log"), lines.map((line) => `${TIME} ${line}\n`).join(""));
  });
  afterEach(async () => keeper?.[Symbol.asyncDispose]());

  const path = (name: string) => join(cli.root, "containers", id, name);

  it.each([
    [["logs", "web"], "one\nthree\n", "two\n"],
    [["container", "logs", "-n", "2", "web"], "three\n", "two\n"],
    [["logs", "--tail", "1", "-t", "web"], `${TIME} three\n`, ""],
    [["logs", "--tail=all", "web"], "one\nthree\n", "two\n"],
    [["logs", "--tail=-1", "web"], "one\nthree\n", "two\n"],
    [["logs", "--since", "1m", "web"], "", ""],
    [["logs", "--since", TIME, "--until", TIME, "web"], "one\nthree\n", "two\n"],
    [["logs", "--since", "2026-11-22T09:00:00.123456790Z", "web"], "", ""],
  ])("prints both streams apart: %j", async (args, stdout, stderr) => {
    expect(await cli.call(args)).toEqual({ exitCode: 0, stdout, stderr });
  });

  it("takes the start of an id", async () => {
    expect(await cli.call(["logs", "--tail", "1", id.slice(0, 3)])).toMatchObject({
      exitCode: 0,
      stdout: "three\n",
    });
  });

  it("follows until ^C", async () => {
    keeper = await FakeKeeper.listen(path("socket"));

    const following = cli.start(["logs", "--tail", "1", "--follow", "web"]);
    await following.printed(/three\n/);
    appendFileSync(path("log"), `${TIME} stdout F four\n`);
    await following.printed(/four\n/);
    following.child.kill("SIGINT");

    expect(await following.ended).toEqual({ exitCode: 130, stdout: "three\nfour\n", stderr: "" });
  });

  it("ends when nobody reads it", async () => {
    await using engine = await openEngine({ root: cli.root });
    const long = await engine.containers.create({ image: "busybox", name: "long" });
    const log = join(cli.root, "containers", long.id, "log");
    appendFileSync(log, `${TIME} stdout F ${"x".repeat(100)}\n`.repeat(20_000));

    const { exitCode, stdout } = await cli.shell(
      "$MARMITA logs long | head -1; exit ${PIPESTATUS[0]}",
    ).ended;

    expect([exitCode, stdout]).toEqual([141, `${"x".repeat(100)}\n`]);
  });

  it.each([
    [["logs", "nobody"], /no such container: nobody/],
    [["logs", "silent"], /container silent keeps no log/],
    [["logs", "--tail", "few", "web"], /invalid argument "few" for "-n, --tail" flag: expected/],
    [["logs", "--since", "yesterday", "web"], /invalid argument "yesterday" for "--since" flag/],
    [["logs", "--details", "web"], /--details is not supported/],
    [["logs"], /requires (exactly )?1 argument/],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stderr } = await cli.call(args);

    expect(stderr).toMatch(message);
    expect(exitCode).not.toBe(0);
  });
});
