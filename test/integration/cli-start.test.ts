import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli } from "./cli-command.ts";

expectNothingLeft();

describe.runIf(requireUserNamespaces())("marmita start", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await busyboxCli();
  });

  afterEach(() => cli.removeContainers());

  async function create(name: string, ...args: string[]): Promise<void> {
    const made = await cli.call(["create", "--network=none", "--name", name, ...args]);
    expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  }

  it("with -a shows all that it writes, from the first byte, and ends with its exit code", async () => {
    await create("box", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3");

    for (let round = 0; round < 3; round++) {
      expect(await cli.call(["start", "-a", "box"])).toEqual({
        exitCode: 3,
        stdout: "out\n",
        stderr: "err\n",
      });
    }
    expect((await cli.call(["logs", "box"])).stdout).toBe("out\n".repeat(3));
  });

  it("with -i passes stdin on to one that was made for it", async () => {
    await create("cat", "-i", "busybox", "cat");
    await create("deaf", "busybox", "cat");

    expect(await cli.call(["start", "-ai", "cat"], { input: "a\nb\n" })).toEqual({
      exitCode: 0,
      stdout: "a\nb\n",
      stderr: "",
    });
    expect(await cli.call(["start", "-i", "cat"], { input: "again" })).toMatchObject({
      stdout: "again",
    });
    expect(await cli.call(["start", "-ai", "deaf"], { input: "lost" })).toMatchObject({
      exitCode: 0,
      stdout: "",
    });
  });

  it("starts none that is paused, as Docker does not", async () => {
    await create("still", "busybox", "sleep", "1000");
    await cli.call(["start", "still"]);
    await cli.call(["pause", "still"]);

    for (const args of [["still"], ["-a", "still"]]) {
      const { exitCode, stdout, stderr } = await cli.call(["start", ...args]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toBe(
        "marmita: container still is paused\nUnpause it: marmita unpause, or unpause().\n",
      );
    }
    expect((await cli.call(["start", "nothing", "still"])).exitCode).toBe(1);
    expect((await cli.call(["unpause", "still"])).exitCode).toBe(0);
    expect(await cli.call(["start", "still"])).toMatchObject({ exitCode: 0, stdout: "still\n" });
  });

  it("with -a passes signals on", async () => {
    const trap = "trap 'echo got it; exit 5' TERM; echo begun; while :; do sleep 0.02; done";
    await create("box", "busybox", "sh", "-c", trap);
    const called = cli.start(["start", "-a", "box"]);
    await called.printed(/begun/);

    called.child.kill("SIGTERM");

    expect(await called.ended).toMatchObject({ exitCode: 5, stdout: "begun\ngot it\n" });
  });

  it("with -a leaves it running when it is killed itself", async () => {
    await create("box", "busybox", "sh", "-c", "echo begun; exec sleep 1000");
    const called = cli.start(["start", "-a", "box"]);
    await called.printed(/begun/);

    called.child.kill("SIGKILL");
    await called.ended;

    const { stdout } = await cli.call(["ps", "--format", "{{.Names}} {{.State}}"]);
    expect(stdout).toBe("box running\n");
  });

  it("with -a shows one that runs already", async () => {
    await create("box", "busybox", "sh", "-c", "while :; do echo on; sleep 0.05; done");
    await cli.call(["start", "box"]);
    const called = cli.start(["start", "-a", "box"]);
    await called.printed(/on\n/);

    await cli.call(["kill", "box"]);

    expect(await called.ended).toMatchObject({ exitCode: 137 });
  });

  it("of what cannot begin says so", async () => {
    await create("bad", "busybox", "/no/such");

    expect(await cli.call(["start", "bad"])).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringContaining("/no/such"),
    });
    expect(await cli.call(["start", "-a", "bad"])).toMatchObject({
      exitCode: 127,
      stderr: expect.stringContaining("/no/such"),
    });
    expect(await cli.call(["start", "-a", "bad", "bad"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("you cannot start and attach multiple containers at once"),
    });
  });
});

describe.runIf(requireUserNamespaces())("run() with detach", () => {
  it("resolves to a container that runs, and that is nobody's", async () => {
    const engine = await busyboxEngine();

    const box = await run("busybox", ["sh", "-c", "echo oi; exec sleep 1000"], {
      engine,
      detach: true,
      network: "none",
      name: "box",
    });

    expect(box.name).toBe("box");
    expect(await box.state()).toMatchObject({ status: "running" });
    await eventually("its line", async () => {
      for await (const { text } of box.logs()) return text;
      return undefined;
    });
    await box.remove({ force: true });
  });

  it("leaves nothing of what cannot begin, and refuses what is of the other kind", async () => {
    const engine = await busyboxEngine();
    const options = { engine, detach: true, network: "none" } as const;

    await expect(run("busybox", ["/no/such"], options)).rejects.toMatchObject({
      code: "START_FAILED",
      details: { exitCode: 127 },
    });
    expect(await engine.containers.list()).toEqual([]);
    const odd = { ...options, timeoutMs: 5 };
    await expect(run("busybox", ["true"], odd)).rejects.toThrow(/unknown option "timeoutMs"/);
  });
});
