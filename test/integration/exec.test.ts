import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exec } from "../../lib/api/exec.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { ExecOptions } from "../../lib/engine/exec-options.ts";
import type { Isolation } from "../../lib/engine/options.ts";
import { startSleeping } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("exec", () => {
  let engine: Engine;
  let ids: Isolation["ids"];
  let box: Container;

  const start = (options: Partial<CreateOptions> = {}) => startSleeping(engine, options);

  beforeAll(async () => {
    engine = await busyboxEngine();
    ({ ids } = await engine.info());
    box = await start({ env: { FROM: "the container" }, workdir: "/tmp", hostname: "box" });
  });
  afterAll(async () => box[Symbol.asyncDispose]());

  const sh = (line: string, options = {}) => box.exec(["sh", "-c", line], options);

  /** Ends what has that command line. */
  const end = (args: string) => {
    return sh(`ps -o pid,args | while read p a; do [ "$a" = "${args}" ] && kill $p; done; true`);
  };

  /** The command lines that processes of the container have, but for the one that looks. */
  async function commandLines(container: Container = box): Promise<string> {
    const { stdout } = await container.exec(["ps", "-o", "args"]);
    return stdout;
  }

  it("resolves to what the command wrote and how it ended, whatever the exit code", async () => {
    const result = await sh("echo out; echo err >&2; exit 3");

    expect(result).toEqual({
      exitCode: 3,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
      timedOut: false,
      truncated: false,
      durationMs: expect.any(Number),
    });
  });

  it("is a function, too", async () => {
    expect(await exec(box.id.slice(0, 12), ["echo", "hi"], { engine })).toMatchObject({
      stdout: "hi\n",
    });
    await expect(exec("nobody", ["true"], { engine })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is in the container's namespaces, directory and environment", async () => {
    const { stdout } = await sh("hostname; pwd; echo $FROM; cat /proc/1/comm");

    expect(stdout).toBe("box\n/tmp\nthe container\nmarmita-init\n");
  });

  it("shares every namespace with the container's own command", async () => {
    const { stdout } = await sh(
      "for one in 2 $$; do for ns in /proc/$one/ns/*; do readlink $ns; done; echo; done",
    );

    const [first, second] = stdout.trim().split("\n\n");
    expect(first?.split("\n").length).toBeGreaterThan(6);
    expect(second).toBe(first);
  });

  it("has the user, directory and variables that are asked for", async () => {
    const env = { FROM: "the caller", MORE: "é\n=", NOT: undefined };

    const { stdout } = await sh('pwd; echo "$FROM/$MORE/$NOT"', { workdir: "/etc", env });

    expect(stdout).toBe("/etc\nthe caller/é\n=/\n");
  });

  it("looks users up in the container, and gives them a home", async (context) => {
    if (ids === "single") context.skip(hostCannot("run a command as another user", "one id only"));

    const { stdout } = await sh("id -un; id -gn; echo $HOME", { user: "cook" });

    expect(stdout).toBe("cook\ncook\n/home/cook\n");
    expect(await sh("id -u; id -g", { user: "1000:100" })).toMatchObject({ stdout: "1000\n100\n" });
  });

  it("has the capabilities, limits, umask and filter of the container's command", async () => {
    const fields = "grep -E '^(Cap|Sec|NoNew|Umask)' /proc/$one/status; cat /proc/$one/limits";

    for (const options of [
      {},
      { capDrop: ["ALL"], noNewPrivileges: true, umask: 0o27, ulimits: { nofile: 100 } },
      { capAdd: ["SYS_PTRACE"], seccomp: "unconfined" },
      { privileged: true },
    ]) {
      const container = await start({ ...options, ulimits: { nofile: 100 } });
      await using _gone = container;
      const { stdout } = await container.exec([
        "sh",
        "-c",
        `for one in 2 $$; do ${fields}; echo; done`,
      ]);
      const [first, second] = stdout.split("\n\n");
      expect(second).toBe(first);
      expect(first).toMatch(/Max open files +100 +100/);
    }
  });

  it("gives root its capabilities in a container of somebody else, and others those asked for", async (context) => {
    if (ids === "single") context.skip(hostCannot("run a command as another user", "one id only"));
    const container = await start({ user: "cook", capAdd: ["NET_ADMIN"] });
    await using _gone = container;
    const effective = async (user?: string) => {
      const { stdout } = await container.exec(["grep", "CapEff", "/proc/self/status"], {
        ...(user !== undefined && { user }),
      });
      return BigInt(`0x${stdout.trim().split(/\s+/)[1] ?? ""}`);
    };
    const netAdmin = 1n << 12n;

    expect(await effective()).toBe(netAdmin);
    expect(await effective("1001")).toBe(netAdmin);
    expect((await effective("root")) & netAdmin).toBe(netAdmin);
    expect(await effective("0")).toBeGreaterThan(netAdmin);
  });

  it("has no descriptor but its three", async () => {
    const { stdout } = await sh("ls /proc/$$/fd; true");

    expect(stdout.trim().split("\n")).toEqual(["0", "1", "2"]);
  });

  it("gets what it is to read", async () => {
    expect(await box.exec(["cat"], { input: "some" })).toMatchObject({ stdout: "some" });
    const stream = Readable.from(["a", "b"]);
    expect(await box.exec(["cat"], { input: stream })).toMatchObject({ stdout: "ab" });
    expect(await box.exec(["cat"])).toMatchObject({ stdout: "" });
    expect(await box.exec(["head", "-c1"], { input: "x".repeat(1 << 20) })).toMatchObject({
      stdout: "x",
    });
  });

  it("keeps as much output as is wanted, as bytes where that is wanted", async () => {
    const cut = await sh("yes | head -c 1000000", { maxOutputBytes: 5 });
    const bytes = await box.exec(["printf", "\\377"], { encoding: "buffer" });

    expect(cut).toMatchObject({ stdout: "y\ny\ny", truncated: true });
    expect(bytes.stdout).toEqual(Buffer.from([255]));
  });

  it("carries much output whole", async () => {
    const { stdout } = await sh("seq 1 200000");

    expect(stdout.length).toBe(1_288_895);
    expect(stdout.endsWith("199999\n200000\n")).toBe(true);
  });

  it.each([
    ["is not there", ["/no/such"], 127],
    ["is not in PATH", ["nosuch"], 127],
    ["is a directory", ["/etc"], 126],
    ["cannot be executed", ["/etc/passwd"], 126],
  ])("says so when the command %s", async (_, command, exitCode) => {
    await expect(box.exec(command)).rejects.toMatchObject({
      code: "START_FAILED",
      step: "exec",
      details: { exitCode },
    });
  });

  it.each([
    ["user", { user: "nobody-such" }, "user", "find user nobody-such"],
    ["directory", { workdir: "/no/such" }, "workdir", "/no/such"],
  ])("says so when the %s is not there", async (_, options, step, words) => {
    await expect(box.exec(["true"], options)).rejects.toMatchObject({
      code: "START_FAILED",
      step,
      message: expect.stringContaining(words),
      details: { exitCode: 126 },
    });
  });

  it("leaves no process of a command that could not begin", async () => {
    const before = await commandLines();
    await Promise.allSettled(Array.from({ length: 5 }, () => box.exec(["/no/such"])));

    expect(await commandLines()).toBe(before);
  });

  it.each<[string, string[], ExecOptions]>([
    ["no command", [], {}],
    ["an option that is none", ["true"], Object.fromEntries([["users", "cook"]])],
    ["a variable with = in its name", ["true"], { env: { "A=B": "" } }],
    ["input and stdin", ["cat"], { input: "", stdin: "inherit" }],
    ["a size without a terminal", ["true"], { columns: 10 }],
    ["a stream of ours with a terminal", ["true"], { tty: true, stdout: "inherit" }],
  ])("refuses %s", async (_, command, options) => {
    await expect(box.exec(command, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("refuses a container that does not run", async () => {
    const container = await engine.containers.create({ image: "busybox", command: ["true"] });
    const expected = {
      code: "CONFLICT",
      message: `container ${container.name} is not running`,
      details: { container: container.id },
    };
    await expect(container.exec(["true"])).rejects.toMatchObject(expected);
    await (await container.start()).wait();
    await expect(container.exec(["true"])).rejects.toMatchObject(expected);

    await container.remove();

    await expect(container.exec(["true"])).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  describe("with a terminal", () => {
    it("has one of its own, of the size that is asked for", async () => {
      const { stdout } = await sh("tty; stty size; echo $TERM", {
        tty: true,
        columns: 97,
        rows: 31,
      });

      expect(stdout).toMatch(/^\/dev\/pts\/\d+\r\n31 97\r\nxterm\r\n$/);
    });

    it("carries keys, signals and a new size", async () => {
      const process = await box.startExec(["sh"], { tty: true, stdin: "pipe" });
      let seen = "";
      process.terminal?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
      const shows = (text: string) => eventually(text, () => seen.includes(text) || undefined);

      process.resize(123, 45);
      process.terminal?.write("stty size\r");
      await shows("45 123");
      process.terminal?.write("sleep 654\r");
      await eventually("the sleep", async () => {
        return (await commandLines()).includes("sleep 654") || undefined;
      });
      process.terminal?.write("\x03");
      process.terminal?.write("exit 9\r");

      expect(await process.wait()).toEqual({ exitCode: 9, signal: null });
    });

    it("leaves the container's own as it is", async () => {
      const container = await start({ tty: true, init: false });
      await using _gone = container;

      const { stdout } = await container.exec(["sh", "-c", "tty; readlink /proc/1/fd/0"], {
        tty: true,
      });

      expect(stdout).toBe("/dev/pts/1\r\n/dev/pts/0\r\n");
    });

    it("may be let go of, and then outlives whoever let it go", async () => {
      const process = await box.startExec(["sh", "-c", "echo ready; exec sleep 543"], {
        tty: true,
      });
      if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);

      await process.detach();
      await process[Symbol.asyncDispose]();

      expect(await commandLines()).toContain("sleep 543");
      await end("sleep 543");
      await process.wait();
    });

    it("is let go of with one only", async () => {
      await using process = await box.startExec(["sleep", "9"]);

      await expect(process.detach()).rejects.toMatchObject({ code: "CONFLICT" });
    });

    it("has no size where there is none", async () => {
      await using process = await box.startExec(["sleep", "9"]);

      expect(() => process.resize(10, 10)).toThrow("without a terminal");
    });
  });

  /** One in a session of its own, one whose parent has gone, and one that ignores signals. */
  const TREE =
    "trap '' TERM HUP; setsid sleep 876 & sh -c 'sleep 876 & exit'; sleep 876 & echo ready; wait";

  it.each<[string, () => Partial<CreateOptions>]>([
    ["without an init", () => ({ init: false })],
    ["in this machine's processes", () => ({ pid: "host" })],
    ["in this machine's processes, without an init", () => ({ pid: "host", init: false })],
    ["in this machine's network and names", () => ({ network: "host", uts: "host" })],
    ["with keep-id", () => ({ userns: "keep-id" })],
    ["of another user", () => ({ user: ids === "single" ? "0" : "1000:1000" })],
    ["that is privileged", () => ({ privileged: true })],
    ["with a read-only root", () => ({ readOnly: true })],
  ])("reaches a container %s", async (_, options) => {
    const container = await start(options());
    await using _gone = container;

    const result = await container.exec(["sh", "-c", "hostname; exit 4"]);

    expect(result).toMatchObject({ exitCode: 4, stderr: "" });
    const tree = await container.exec(["sh", "-c", TREE], { timeoutMs: 200 });
    expect(tree).toMatchObject({ timedOut: true });
    expect(await commandLines(container)).not.toContain("sleep 876");
  });

  it("reaches a container in another container's processes and network", async () => {
    const other = await start({ init: false });
    await using _gone = other;
    const from: `container:${string}` = `container:${other.id}`;
    const container = await start({ pid: from, network: from, init: false });
    await using _gone_too = container;

    const { stdout } = await container.exec(["sh", "-c", "sleep 876 & ps"]);

    expect(stdout).toContain("sleep 600");
    expect(await container.exec(["sh", "-c", TREE], { timeoutMs: 200 })).toMatchObject({
      timedOut: true,
    });
  });

  it("reaches a container on the image host", async () => {
    const container = await start({ image: "host", init: false });
    await using _gone = container;
    const who = ["sh", "-c", "echo $PWD; id -u"];
    const { stdout } = await engine.containers.run("host", who, { remove: true });

    expect(await container.exec(who)).toMatchObject({ stdout });
  });

  it("may be done many times at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, at) => box.exec(["echo", String(at)])),
    );

    expect(results.map(({ stdout }) => stdout)).toEqual(
      Array.from({ length: 50 }, (_, at) => `${at}\n`),
    );
  });
});
