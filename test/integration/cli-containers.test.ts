import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("containers on the command line", () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await busyboxCli();
    await cli.call(["run", "--name", "first", "-l", "a=1", "busybox", "echo", "oi"]);
    await cli.call(["run", "--name", "second", "busybox", "sh", "-c", "exit 3"]);
  });

  const stdout = async (...args: string[]) => (await cli.call(args)).stdout;

  it("are listed in Docker's columns, newest first", async () => {
    const [heading, ...lines] = (await stdout("ps", "-a")).trimEnd().split("\n");

    expect(heading).toMatch(/^CONTAINER ID {3}IMAGE {5}COMMAND +CREATED +STATUS +PORTS {5}NAMES$/);
    expect(lines).toEqual([
      expect.stringMatching(
        /^[0-9a-f]{12} {3}busybox {3}"sh -c 'exit 3'" .* ago +Exited \(3\) .* ago +second$/,
      ),
      expect.stringMatching(/^\w+ {3}busybox {3}"echo oi" .* Exited \(0\) .* first$/),
    ]);
  });

  it("are listed while they run only, unless asked for", async () => {
    expect((await stdout("ps")).trimEnd().split("\n")).toHaveLength(1);
    expect(await stdout("ps", "-q")).toBe("");

    const box = cli.start([
      "run",
      "--rm",
      "--name",
      "busy",
      "busybox",
      "sh",
      "-c",
      "echo; sleep 60",
    ]);
    await box.printed(/\n/);
    const running = await stdout("ps");
    box.child.kill("SIGTERM");
    box.child.kill("SIGKILL");
    await box.ended;

    expect(running).toMatch(/ Up .* busy$/m);
    await eventually(
      "it is gone with its owner",
      async () => ((await stdout("ps", "-aq", "-n9")).split("\n").length === 3 ? true : undefined),
      10_000,
    );
  });

  it("are listed by last and by number", async () => {
    expect(await stdout("ps", "-lq")).toMatch(/^[0-9a-f]{12}\n$/);
    expect(await stdout("ps", "-l")).toMatch(/second$/m);
    expect((await stdout("container", "ls", "-q", "-n", "2")).split("\n")).toHaveLength(3);
    expect(await stdout("ps", "-lq", "--no-trunc")).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it("are inspected by name, id and the start of an id", async () => {
    const id = (await stdout("ps", "-lq", "--no-trunc")).trim();

    for (const name of ["second", id, id.slice(0, 4)]) {
      const [found] = JSON.parse(await stdout("inspect", name));
      expect(found).toMatchObject({
        Id: id,
        Name: "/second",
        Path: "sh",
        Args: ["-c", "exit 3"],
        State: { Status: "exited", Running: false, ExitCode: 3 },
      });
    }
    const [first] = JSON.parse(await stdout("container", "inspect", "first"));
    expect(first.Config).toMatchObject({
      Image: "busybox",
      Cmd: ["echo", "oi"],
      Labels: { a: "1" },
    });
  });

  it("and images are inspected together; what is missing is told", async () => {
    const done = await cli.call(["inspect", "first", "No-Such", "busybox"]);

    expect(done.exitCode).toBe(1);
    expect(JSON.parse(done.stdout)).toHaveLength(2);
    expect(done.stderr).toBe("marmita: no such object: No-Such\n");
    expect(await cli.call(["inspect", "--type", "image", "first"])).toMatchObject({
      exitCode: 1,
      stdout: "[]\n",
    });
  });

  it("show the plan they are carried out by", async () => {
    expect(await stdout("debug", "plan", "first")).toMatch(/^hostname .*\n(.*\n)*command .*echo/m);
  });

  it("are removed, several at a time, and what is missing is told", async () => {
    const done = await cli.call(["rm", "first", "no-such", "second"]);

    expect(done).toMatchObject({ exitCode: 1, stdout: "first\nsecond\n" });
    expect(done.stderr).toMatch(/^marmita: .*no-such/);
    expect(await stdout("ps", "-aq")).toBe("");
    expect(await cli.call(["rm", "-f", "no-such"])).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("are removed by force while they run", async () => {
    const box = cli.start(["run", "--name", "busy", "busybox", "sh", "-c", "echo; sleep 60"]);
    await box.printed(/\n/);

    const refused = await cli.call(["rm", "busy"]);
    const forced = await cli.call(["rm", "-f", "busy"]);

    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("running");
    expect(forced).toMatchObject({ exitCode: 0, stdout: "busy\n" });
    expect(await box.ended).toMatchObject({ exitCode: 137 });
  });
});

describe("the command line", () => {
  it.each([
    ["--version", [["--version"]], 0],
    ["its help", [["--help"], [], ["help"], ["image"], ["help", "run"], ["run", "--help"]], 0],
  ])("prints %s", async (_, calls, exitCode) => {
    for (const args of calls) {
      const done = await new Cli("/no/such").call(args);
      expect(done).toMatchObject({ exitCode, stderr: "" });
      expect(done.stdout).toMatch(/marmita/);
    }
  });

  it.each([
    [["bogus"], 1, "marmita: unknown command: marmita bogus\n"],
    [["ps x"], 1, "marmita: unknown command: marmita ps x\n\nUsage:  marmita [OPTIONS]"],
    [["\x1b[31m"], 1, "marmita: unknown command: marmita \\u001b[31m\n"],
    [["ps", "--\x1b[31m"], 125, "marmita: unknown flag: --\\u001b[31m\n"],
    [
      ["image", "bogus"],
      1,
      "marmita: unknown command: marmita image bogus\n\nUsage:  marmita image",
    ],
    [["build", "."], 1, "marmita build is not there yet\n"],
    [["container", "checkpoint", "x"], 1, "marmita container checkpoint is not there yet\n"],
    [["ps", "--sort", "x"], 125, "marmita ps: --sort is not supported yet\n"],
    [["ps", "x"], 1, "marmita: 'marmita ps' accepts no arguments\n"],
    [["rm"], 1, "marmita: 'marmita rm' requires at least 1 argument\n"],
    [["run"], 1, "marmita: 'marmita run' requires at least 1 argument\n"],
    [["--host", "x", "ps"], 125, "marmita: --host is not supported yet\n"],
    [["help", "bogus"], 1, "marmita: unknown help topic: bogus"],
  ])("refuses %j", async (args, exitCode, message) => {
    const done = await new Cli("/no/such").call(args);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(message);
    expect(done.stderr.startsWith(message.split("\n")[0]!)).toBe(true);
  });
});
