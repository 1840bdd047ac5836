/** Binds: what of this machine a container sees, and what it may do there. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { BindMount } from "../../lib/engine/mounts.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a bind mount", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  function shell(script: string, options: RunOptions = {}) {
    return run("busybox", ["sh", "-c", script], { engine, remove: true, ...options });
  }

  const bind = (source: string, target: string, rest: Partial<BindMount> = {}): BindMount => {
    return { type: "bind", source, target, ...rest };
  };

  it("is written through", async () => {
    const source = await temporaryFolder();

    const { exitCode } = await shell("echo hi > /m/new", { mounts: [bind(source, "/m")] });

    expect(exitCode).toBe(0);
    expect(await readFile(join(source, "new"), "utf8")).toBe("hi\n");
  });

  it("of a file is a file", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "content");

    const { stdout } = await shell("cat /a/b/c", {
      mounts: [bind(file, "/a/b/c", { readOnly: true })],
    });

    expect(stdout).toBe("content");
  });

  it("of a link is of what it means", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "content");
    await symlink("file", join(folder, "link"));

    expect(await shell("cat /m", { mounts: [bind(join(folder, "link"), "/m")] })).toMatchObject({
      stdout: "content",
    });
  });

  it("of a socket and a fifo can be used", async () => {
    const folder = await temporaryFolder();
    const server = createServer((socket) => socket.end("hello"));
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    try {
      const { stdout } = await shell("test -S /s && test -p /f && echo both", {
        mounts: [bind(join(folder, "socket"), "/s"), bind(join(folder, "fifo"), "/f")],
      });

      expect(stdout).toBe("both\n");
    } finally {
      server.close();
    }
  });

  it("of a device is the device", async () => {
    const { stdout } = await shell("test -c /dev/mine && head -c 2 /dev/mine | od -An -tx1", {
      mounts: [bind("/dev/zero", "/dev/mine")],
    });

    expect(stdout.trim()).toBe("00 00");
  });

  it("of / shows all of this machine", async () => {
    const { stdout } = await shell("cat /host/proc/1/comm; ls /host/etc/passwd", {
      mounts: [bind("/", "/host", { readOnly: true })],
    });

    expect(stdout).toBe(`${await readFile("/proc/1/comm", "utf8")}/host/etc/passwd\n`);
  });

  describe("that is read-only", () => {
    it("cannot be written, nor what is mounted below it", async () => {
      const { stdout } = await shell("touch /m/a /m/shm/a 2>&1; ls -d /m/shm", {
        mounts: [bind("/dev", "/m", { readOnly: true })],
      });

      expect(stdout).toBe(
        "touch: /m/a: Read-only file system\ntouch: /m/shm/a: Read-only file system\n/m/shm\n",
      );
    });

    it("may leave what is mounted below it writable", async () => {
      const name = `marmita-test-${process.pid}`;

      const { stdout } = await shell(`touch /m/a 2>&1; touch /m/shm/${name} && rm /m/shm/${name}`, {
        mounts: [bind("/dev", "/m", { readOnly: true, readOnlyRecursive: false })],
      });

      expect(stdout).toBe("touch: /m/a: Read-only file system\n");
    });
  });

  it("may forbid programs, set-user-ID and devices", async () => {
    const source = await temporaryFolder();
    const mount = bind(source, "/m", { noexec: true, nosuid: true, nodev: true });

    const { stdout } = await shell(
      "cp /bin/busybox /m/true; /m/true 2>&1; echo $?; grep ' /m ' /proc/mounts | cut -d' ' -f4",
      { mounts: [mount] },
    );

    expect(stdout).toMatch(/126\n.*nosuid,nodev,noexec/);
  });

  it("keeps what the host's mount forbids", async () => {
    const options = (await readFile("/proc/self/mountinfo", "utf8"))
      .split("\n")
      .find((line) => line.split(" ")[4] === "/proc")
      ?.split(" ")[5];

    const { stdout } = await shell("grep ' /m ' /proc/mounts | cut -d' ' -f4", {
      mounts: [bind("/proc", "/m")],
    });

    expect(stdout).toContain(options);
  });

  it("can be made one without what is mounted below, where nothing is", async () => {
    const source = await temporaryFolder();

    const { exitCode } = await shell("touch /m/x", {
      mounts: [bind(source, "/m", { recursive: false })],
    });

    expect(exitCode).toBe(0);
  });

  it("says why it cannot be made without what is mounted below", async () => {
    const mounts = [bind("/dev", "/m", { recursive: false })];

    await expect(shell("true", { mounts })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "bind",
      errno: "EINVAL",
      hint: expect.stringContaining("mount it recursively") as string,
    });
  });

  it("says why the kernel does not map its ids", async () => {
    const mounts = [bind(await temporaryFolder(), "/m", { idmap: true })];

    await expect(shell("true", { mounts })).rejects.toMatchObject({
      code: "START_FAILED",
      errno: "EPERM",
      message: expect.stringContaining("map the ids of the mount") as string,
      hint: expect.stringContaining("leave out idmap") as string,
    });
  });

  it("is relabelled by nobody, and works", async () => {
    const mounts = [bind(await temporaryFolder(), "/m", { relabel: "private" })];

    expect(await shell("touch /m/x", { mounts })).toMatchObject({ exitCode: 0 });
  });

  describe("whose source is not there", () => {
    it("is refused", async () => {
      const source = join(await temporaryFolder(), "a", "b");

      await expect(shell("true", { mounts: [bind(source, "/m")] })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: `mount source does not exist: ${source}`,
      });
    });

    it("is made with createSource", async () => {
      const source = join(await temporaryFolder(), "a", "b");

      await shell("touch /m/x", { mounts: [bind(source, "/m", { createSource: true })] });

      expect(await readdir(source)).toEqual(["x"]);
    });

    it("is not made through a link that leads nowhere", async () => {
      const folder = await temporaryFolder();
      await symlink("nowhere", join(folder, "link"));
      const mounts = [bind(join(folder, "link"), "/m", { createSource: true })];

      await expect(shell("true", { mounts })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(await readdir(folder)).toEqual(["link"]);
    });

    it("is not made below a file", async () => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, "file"), "");
      const mounts = [bind(join(folder, "file", "x"), "/m", { createSource: true })];

      await expect(shell("true", { mounts })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    });
  });

  it.skipIf(process.geteuid?.() === 0)("names the directory that keeps it out", async () => {
    const folder = await temporaryFolder();
    const closed = join(folder, "closed");
    await mkdir(join(closed, "below"), { recursive: true });
    await chmod(closed, 0);
    try {
      const mounts = [bind(join(closed, "below", "x"), "/m")];

      await expect(shell("true", { mounts })).rejects.toMatchObject({
        code: "UNAVAILABLE",
        errno: "EACCES",
        hint: expect.stringContaining(`may not enter ${closed};`) as string,
      });
    } finally {
      await chmod(closed, 0o755);
      await rm(closed, { recursive: true });
    }
  });

  it("of a file does not go on a directory, nor the other way round", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");

    await expect(
      shell("true", { mounts: [bind(join(folder, "file"), "/bin")] }),
    ).rejects.toMatchObject({
      errno: "EISDIR",
      message: expect.stringContaining("mount a file on /bin, which is a directory") as string,
    });
    await expect(shell("true", { mounts: [bind(folder, "/bin/busybox")] })).rejects.toMatchObject({
      errno: "ENOTDIR",
      message: expect.stringContaining("mount a directory on /bin/busybox") as string,
    });
  });

  it("lies in another one, whichever is named first", async () => {
    const [outer, inner] = [await temporaryFolder(), await temporaryFolder()];
    await writeFile(join(inner, "file"), "inner");

    const { stdout } = await shell("cat /m/below/file", {
      mounts: [bind(inner, "/m/below"), bind(outer, "/m")],
    });

    expect(stdout).toBe("inner");
    expect(await readdir(outer)).toEqual(["below"]);
  });
});
