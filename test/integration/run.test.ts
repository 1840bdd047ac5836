import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("run", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** A shell's script in a container that goes away. */
  function shell(script: string, options: RunOptions = {}) {
    return run("busybox", ["sh", "-c", script], {
      engine,
      remove: true,
      network: "none",
      ...options,
    });
  }

  describe("output", () => {
    it("is text, kept apart", async () => {
      const result = await shell("echo out; echo err >&2");

      expect(result).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        exitCode: 0,
        signal: null,
        stdout: "out\n",
        stderr: "err\n",
        timedOut: false,
        truncated: false,
        isolation: {
          ids: expect.stringMatching(/^(?:subids|root|single)$/) as string,
          rootfs: expect.stringMatching(/overlay/) as string,
          network: "none",
          seccomp: "default",
          notes: expect.any(Array) as unknown,
        },
      });
    });

    it("is whole characters, however they arrive", async () => {
      const script = "printf '\\303'; sleep 0.05; printf '\\251\\n'";

      const { stdout } = await shell(script);

      expect(stdout).toBe("é\n");
    });

    it("is bytes with the encoding buffer", async () => {
      const command = ["sh", "-c", "printf '\\377\\000\\001'"];

      const { stdout } = await run("busybox", command, {
        engine,
        remove: true,
        encoding: "buffer",
      });

      expect(stdout).toEqual(Buffer.from([0xff, 0, 1]));
    });

    it("is cut at the limit, said so, and read to its end", async () => {
      const script = "head -c 1000000 /dev/zero | tr '\\0' a; echo done >&2";

      const result = await shell(script, { maxOutputBytes: 10 });

      expect(result).toMatchObject({ stdout: "aaaaaaaaaa", stderr: "done\n", truncated: true });
    });

    it("is cut between characters", async () => {
      const { stdout } = await shell("printf 'aéé'", { maxOutputBytes: 4 });

      expect(stdout).toBe("aé");
    });

    it("can be dropped", async () => {
      const result = await shell("echo out; echo err >&2", { stdout: "ignore" });

      expect(result).toMatchObject({ stdout: "", stderr: "err\n" });
    });
  });

  describe("input", () => {
    it("is empty unless given", async () => {
      expect(await shell("cat; echo end")).toMatchObject({ stdout: "end\n" });
    });

    it.each([
      ["text", "feijão", "feijão"],
      ["bytes", new Uint8Array([102, 111]), "fo"],
      ["a stream", () => Readable.from(["a", Buffer.from("b")]), "ab"],
    ])("is %s", async (_kind, input, stdout) => {
      const given = typeof input === "function" ? input() : input;

      expect(await shell("cat", { input: given })).toMatchObject({ stdout });
    });

    it("is carried whole, in both directions at once", async () => {
      const input = "0123456789abcdef".repeat(256 * 1024);

      const { stdout } = await shell("cat", { input });

      expect(stdout === input).toBe(true);
    });

    it("may be more than the command reads", async () => {
      const result = await shell("head -c 3", { input: "a".repeat(10_000_000) });

      expect(result).toMatchObject({ exitCode: 0, stdout: "aaa" });
    });

    it("may be a stream that never ends", async () => {
      const input = new Readable({ read() {} });

      const result = await shell("true", { input });

      expect(result.exitCode).toBe(0);
      expect(input.destroyed).toBe(true);
    });

    it.each([
      ["fails", new Error("the line is dead")],
      ["is reset", Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })],
      ["breaks", Object.assign(new Error("write EPIPE"), { code: "EPIPE" })],
    ])("ends the command when it %s", async (_how, fault) => {
      const input = new Readable({
        read() {
          this.destroy(fault);
        },
      });

      await expect(shell("cat; sleep 60", { input })).rejects.toMatchObject({
        code: "UNAVAILABLE",
        cause: fault,
      });
    });

    it("ends the command when it is given up half-way", async () => {
      const input = new Readable({
        read() {
          this.push("half");
          setImmediate(() => this.destroy());
        },
      });

      await expect(shell("cat; sleep 60", { input })).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
    });
  });

  describe("an end", () => {
    it.each([0, 1, 7, 125, 255])("with %s is a result", async (exitCode) => {
      expect(await shell(`exit ${exitCode}`)).toMatchObject({ exitCode, signal: null });
    });

    it("of a child by a signal is what the shell makes of it", async () => {
      expect(await shell("sh -c 'kill -TERM $$'; exit $?")).toMatchObject({ exitCode: 143 });
    });

    it("by the time-out is a result", async () => {
      const result = await shell("echo begun; sleep 60", { timeoutMs: 200 });

      expect(result).toMatchObject({
        stdout: "begun\n",
        timedOut: true,
        exitCode: 137,
        signal: "SIGKILL",
      });
    });
  });

  describe("what cannot start", () => {
    it.each([
      ["is missing", ["nope"], 127, "ENOENT"],
      ["is a path to nothing", ["/no/such"], 127, "ENOENT"],
      ["is a directory", ["/etc"], 126, "EISDIR"],
      ["is not executable", ["/etc/passwd"], 126, "EACCES"],
    ])("%s", async (_what, command, exitCode, errno) => {
      const before = (await engine.containers.list()).length;

      await expect(run("busybox", command, { engine })).rejects.toMatchObject({
        code: "START_FAILED",
        step: "exec",
        errno,
        details: { exitCode },
        message: expect.stringContaining(`exec ${command[0]}`) as string,
      });

      expect(await engine.containers.list()).toHaveLength(before);
    });

    it("is of an image that is missing", async () => {
      await expect(run("nope", ["true"], { engine })).rejects.toMatchObject({
        code: "NOT_FOUND",
        details: { image: "nope" },
      });
    });

    it("has a mount source that is missing", async () => {
      const mounts = [{ type: "bind", source: "/no/such", target: "/src" }] as const;

      await expect(shell("true", { mounts })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: "mount source does not exist: /no/such",
      });
    });

    it("has a user that is missing", async () => {
      await expect(shell("true", { user: "nobody-here" })).rejects.toMatchObject({
        code: "START_FAILED",
        message: expect.stringContaining("nobody-here") as string,
      });
    });
  });

  describe("options", () => {
    it("set environment, working directory, hostname", async () => {
      const { stdout } = await shell("echo $A; pwd; hostname; cat /etc/hostname", {
        env: { A: "1", B: undefined },
        workdir: "/made/here",
        hostname: "lunch",
      });

      expect(stdout).toBe("1\n/made/here\nlunch\nlunch\n");
    });

    it("set the user, by number or name", async () => {
      const single = (await engine.info()).ids === "single";
      const user = single ? "0:0" : "1000:1001";

      const { stdout } = await shell("id -u; id -g", { user });

      expect(stdout).toBe(single ? "0\n0\n" : "1000\n1001\n");
    });

    it("replace the entrypoint", async () => {
      const { stdout } = await run("busybox", ["a", "b"], {
        engine,
        remove: true,
        entrypoint: ["echo", "first"],
      });

      expect(stdout).toBe("first a b\n");
    });

    it("bind directories and files", async () => {
      const folder = await temporaryFolder();
      await mkdir(join(folder, "src"));
      await writeFile(join(folder, "src", "file"), "from outside\n");
      const source = join(folder, "src");
      const mounts = [
        { type: "bind", source, target: "/src" },
        { type: "bind", source, target: "/ro", readOnly: true },
        { type: "bind", source: join(source, "file"), target: "/deep/file" },
      ] as const;

      const { stdout } = await shell(
        "cat /src/file /deep/file; echo inside > /src/new; touch /ro/no 2>&1; cat /ro/new",
        { mounts },
      );

      expect(stdout).toBe(
        "from outside\nfrom outside\ntouch: /ro/no: Read-only file system\ninside\n",
      );
    });

    it("give file systems in memory", async () => {
      const mounts = [{ type: "tmpfs", target: "/mem", sizeBytes: 65_536, mode: 0o700 }] as const;
      const script = "grep ' /mem ' /proc/mounts; stat -c %a /mem; dd if=/dev/zero of=/mem/a bs=1M";

      const { stdout, stderr } = await shell(script, { mounts });

      expect(stdout).toMatch(/^tmpfs \/mem tmpfs .*size=64k/);
      expect(stdout).toContain("\n700\n");
      expect(stderr).toContain("No space left on device");
    });

    it("make the root file system read-only, not what is mounted", async () => {
      const script = "touch /no 2>&1; touch /tmp/yes && echo yes";
      const mounts = [{ type: "tmpfs", target: "/tmp" }] as const;

      const { stdout } = await shell(script, { readOnly: true, mounts });

      expect(stdout).toBe("touch: /no: Read-only file system\nyes\n");
    });

    it("choose between no network and this machine's", async () => {
      const count = "ls /sys/class/net | wc -l";

      const [none, host] = await Promise.all([shell(count), shell(count, { network: "host" })]);

      expect(none).toMatchObject({ stdout: "1\n", isolation: { network: "none" } });
      expect(host.isolation.network).toBe("host");
    });
  });

  it("shows no container what another one wrote", async () => {
    await shell("echo secret > /root/file; mkdir /new");

    const { stdout } = await shell("ls /root /new 2>&1");

    expect(stdout).toBe("ls: /new: No such file or directory\n/root:\n");
  });

  it("gives the command no descriptors but its three", async () => {
    const { stdout } = await shell("ls /proc/self/fd");

    expect(stdout).toBe("0\n1\n2\n3\n"); // 3 is the one that lists them
  });
});
