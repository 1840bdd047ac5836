import { beforeAll, describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("what the command line says when something is not as meant", () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await busyboxCli();
  });

  it.each([
    [
      ["run", "--read-olny", "busybox"],
      125,
      "unknown flag: --read-olny\nDid you mean --read-only?",
    ],
    [
      ["run", "-name", "x", "busybox"],
      125,
      "unknown shorthand flag: 'n' in -name\nDid you mean --name?",
    ],
    [["imgaes"], 1, "unknown command: marmita imgaes\nDid you mean marmita images?"],
    [
      ["load", "x.tar"],
      1,
      "accepts no arguments\nThe archive is named with -i: marmita load -i FILE",
    ],
  ])("%j", async (args, exitCode, words) => {
    const done = await cli.call(args);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(words);
  });

  it("tells that it was the time-out", async () => {
    expect(await cli.call(["run", "--rm", "--timeout", "1", "busybox", "sleep", "60"])).toEqual({
      exitCode: 137,
      stdout: "",
      stderr: expect.stringContaining("killed after 1 s (--timeout)"),
    });
  });

  it("tells that it was the third request to end", async () => {
    const script = 'trap "echo again" INT; echo ready; while :; do sleep 60 & wait; done';
    const called = cli.start(["run", "--rm", "busybox", "sh", "-c", script]);
    await called.printed(/ready/);

    // Each is seen to arrive before the next is sent: two that wait are one.
    for (const seen of [/(?:again\s+){1}/, /(?:again\s+){2}/]) {
      called.child.kill("SIGINT");
      await called.printed(seen);
    }
    called.child.kill("SIGINT");

    expect(await called.ended).toMatchObject({
      exitCode: 137,
      stderr: expect.stringContaining("asked three times to end"),
    });
  });

  it("tells how a container that runs is removed", async () => {
    const called = cli.start(["run", "--name", "busy", "busybox", "sh", "-c", "echo up; sleep 60"]);
    await called.printed(/up/);

    const removed = await cli.call(["rm", "busy"]);
    await cli.call(["rm", "-f", "busy"]);
    await called.ended;

    expect(removed.exitCode).toBe(1);
    expect(removed.stderr).toContain("rm -f");
  });

  it("ignores a --cidfile without a name, as Docker does", async () => {
    const done = await cli.call(["run", "--rm", "--cidfile=", "busybox", "true"]);

    expect(done.exitCode).toBe(0);
  });
});
