import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("a container with an init", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const sh = (script: string, options: RunOptions = {}) =>
    engine.containers.run("busybox", ["sh", "-c", script], {
      init: true,
      remove: true,
      ...options,
    });

  /** Its output chunk by chunk. */
  const start = async (script: string) => {
    const { process } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sh", "-c", script],
      init: true,
      remove: true,
    });
    const chunks: AsyncIterator<unknown> = (process.stdout ?? Readable.from([]))[
      Symbol.asyncIterator
    ]();
    const next = async () => String((await chunks.next()).value).trim();
    return { process, next };
  };

  it("has the command as its second process, in a session of its own", async () => {
    const { stdout } = await sh("cat /proc/1/comm; echo $$; cut -d ' ' -f 4-6 /proc/$$/stat");

    expect(stdout.split("\n")).toEqual(["marmita-init", "2", "1 2 2", ""]);
  });

  it.each([
    ["the command's own", "exit 7", 7],
    ["128 + n after a signal from inside", "kill -TERM $$; sleep 9", 143],
    ["128 + n after the init passed one on", "kill -HUP 1; sleep 9", 129],
  ])("ends with %s status", async (_, script, exitCode) => {
    expect(await sh(script)).toMatchObject({ exitCode });
  });

  it("passes signals on", async () => {
    const loop = "echo ready; while :; do sleep 0.1; done";
    const { process, next } = await start(`trap 'echo got; exit 3' USR1; ${loop}`);
    expect(await next()).toBe("ready");

    process.kill("SIGUSR1");

    expect(await next()).toBe("got");
    expect(await process.wait()).toEqual({ exitCode: 3, signal: null });
  });

  it("lets a command without a handler die of what it is sent", async () => {
    const { process, next } = await start("echo ready; exec sleep 60");
    await next();

    process.kill("SIGTERM");

    expect(await process.wait()).toEqual({ exitCode: 143, signal: null });
  });

  it("ends whole by SIGKILL", async () => {
    const { process, next } = await start("sleep 60 & echo ready; wait");
    await next();

    process.kill("SIGKILL");

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
  });

  it("reaps what its parents left", async () => {
    const orphan = "sh -c 'sleep 0.05 & echo $! > /tmp/orphan'";
    const wait = "while kill -0 $(cat /tmp/orphan) 2>/dev/null; do sleep 0.02; done";

    const { exitCode, stdout } = await sh(
      `${orphan}; ${wait}; grep -c '^State:.Z' /proc/[0-9]*/status`,
      {
        timeoutMs: 10_000,
      },
    );

    expect(exitCode).toBe(1); // grep found none
    expect(stdout).not.toMatch(/:[1-9]/);
  });

  it("takes what is left with it", async () => {
    expect(await sh("sleep 60 & exit 4")).toMatchObject({ exitCode: 4 });
  });

  it("lets the end of a stream be seen while the command runs on", async () => {
    const { process, next } = await start("exec >&- 2>&-; sleep 60");

    expect(await next()).toBe("undefined");

    process.kill("SIGKILL");
    await process.wait();
  });

  it.each([
    ["is not there", "/no/such", 127],
    ["cannot be executed", "/etc", 126],
  ])("says so when the command %s", async (_, command, exitCode) => {
    await expect(
      engine.containers.run("busybox", [command], { init: true, remove: true }),
    ).rejects.toMatchObject({ code: "START_FAILED", step: "exec", details: { exitCode } });
  });

  it("leaves the terminal to the command", async () => {
    const { process } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sh", "-c", "cut -d ' ' -f 5-8 /proc/$$/stat; exec sleep 60"],
      init: true,
      tty: true,
      remove: true,
    });
    const output: AsyncIterator<unknown> = (process.stdout ?? Readable.from([]))[
      Symbol.asyncIterator
    ]();

    const [group, session, terminal, foreground] = String((await output.next()).value).split(/\s+/);
    process.terminal?.write("\x03");

    expect([group, session, foreground]).toEqual(["2", "2", "2"]);
    expect(terminal).not.toBe("0");
    expect(await process.wait()).toEqual({ exitCode: 130, signal: null });
  });

  it("cannot be looked into, holds nothing, and tells nothing of this machine", async () => {
    const { stdout, stderr } = await sh(
      "cat /proc/1/exe | wc -c; cat /proc/1/environ | wc -c; ls /proc/1/fd | wc -l;" +
        "tr '\\0' ' ' < /proc/1/cmdline",
    );

    expect(stdout.split("\n").map((line) => line.trim())).toEqual(["0", "0", "0", "marmita-init"]);
    expect(stderr).toContain("/proc/1/exe");
  });

  it("has no more rights than the command, whoever that is", async () => {
    const fields = "^(Uid|Gid|Cap|NoNewPrivs)";
    const script = `grep -E '${fields}' /proc/1/status; echo; grep -E '${fields}' /proc/$$/status`;
    const [first, second] = (await sh(script)).stdout.trim().split("\n\n");
    expect(first).toBe(second);

    const { ids } = await engine.info();
    const asUser = await sh(script, { user: ids === "single" ? "0:0" : "1000:1000" });
    const [reaper, command] = asUser.stdout.trim().split("\n\n");
    expect(reaper).toBe(command);
  });
});
