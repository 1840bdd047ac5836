import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("on the command line", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  afterEach(() => cli.removeContainers());

  async function background(name: string, ...command: string[]): Promise<void> {
    const args = ["run", "-d", "--network=none", "--name", name, "busybox", ...command];
    expect(await cli.call(args)).toMatchObject({ exitCode: 0, stderr: "" });
  }

  async function states(): Promise<string> {
    const { stdout } = await cli.call(["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
    return stdout.replaceAll(/ (?:About|Less|\d+).*? ago/g, "").replaceAll(/Up .*/g, "Up");
  }

  it("several are stopped at once, and named in their order", async () => {
    await background("one", "sleep", "60");
    await background("two", "sleep", "60");

    const begun = performance.now();
    const done = await cli.call(["stop", "-t", "1", "two", "nobody", "one"]);

    expect(done).toEqual({
      exitCode: 1,
      stdout: "two\none\n",
      stderr: "marmita: no such container: nobody\n",
    });
    expect(performance.now() - begun).toBeLessThan(2_000 + 5_000);
    expect(await states()).toBe("two Exited (137)\none Exited (137)\n");
    expect(await cli.call(["container", "stop", "one"])).toMatchObject({
      exitCode: 0,
      stdout: "one\n",
    });
  });

  it("several are killed", async () => {
    await background("one", "sleep", "60");
    await background("two", "sleep", "60");

    expect(await cli.call(["kill", "one", "two"])).toEqual({
      exitCode: 0,
      stdout: "one\ntwo\n",
      stderr: "",
    });

    expect(await states()).toBe("two Exited (137)\none Exited (137)\n");
    expect(await cli.call(["kill", "one"])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "marmita: container one is not running\n",
    });
  });

  it("a signal is sent", async () => {
    await background("one", "sh", "-c", "trap 'exit 5' HUP; while :; do sleep 0.02; done");

    // The first ones may come before it has set its trap.
    await eventually(
      "its end",
      async () => {
        const { exitCode } = await cli.call(["kill", "--signal=HUP", "one"]);
        return exitCode === 0 ? undefined : true;
      },
      10_000,
    );

    expect(await cli.call(["wait", "one"])).toEqual({ exitCode: 0, stdout: "5\n", stderr: "" });
  });

  it("they are started again, also those that run", async () => {
    await background("one", "sleep", "60");
    await background("two", "true");
    expect((await cli.call(["wait", "two"])).stdout).toBe("0\n");

    expect(await cli.call(["start", "one", "two", "nobody"])).toEqual({
      exitCode: 1,
      stdout: "one\ntwo\n",
      stderr: "marmita: no such container: nobody\n",
    });

    expect(await states()).toMatch(/^one Up$/m);
  });

  it("they are restarted, also those that do not run", async () => {
    await background("one", "sh", "-c", "echo x >> /runs; exec sleep 60");
    await background("two", "sh", "-c", "echo x >> /runs; exit 3");
    await cli.call(["wait", "two"]);

    expect(await cli.call(["restart", "-t=0", "one", "two"])).toEqual({
      exitCode: 0,
      stdout: "one\ntwo\n",
      stderr: "",
    });

    expect(await cli.call(["wait", "two"])).toMatchObject({ stdout: "3\n" });
    expect(await states()).toBe("two Exited (3)\none Up\n");
  });

  it("what each ended with is printed, in their order", async () => {
    await background("one", "sh", "-c", "exit 1");
    await background("two", "sh", "-c", "sleep 0.2; exit 2");

    expect(await cli.call(["wait", "two", "nobody", "one"])).toEqual({
      exitCode: 1,
      stdout: "2\n1\n",
      stderr: "marmita: no such container: nobody\n",
    });
  });

  it.each([
    [["stop"], 1, "'marmita stop' requires at least 1 argument"],
    [["stop", "-t", "soon", "x"], 125, 'invalid argument "soon" for "-t, --timeout" flag'],
    [["stop", "-s", "NOTHING", "x"], 125, 'invalid argument "NOTHING" for "-s, --signal" flag'],
    [["stop", "-a"], 125, "-a (--all) is not supported yet"],
    [["kill", "-s", "99", "x"], 125, 'invalid argument "99" for "-s, --signal" flag'],
    [["wait", "--condition=removed", "x"], 125, "--condition is not supported yet"],
    [["start", "--checkpoint=x", "x"], 125, "--checkpoint is not supported yet"],
  ])("%j is refused", async (args, exitCode, message) => {
    const done = await cli.call(args);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(message);
  });
});
