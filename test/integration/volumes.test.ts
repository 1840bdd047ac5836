/** Volumes: made on first use, filled from the image, kept or removed as they were asked for. */
import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { Mount, VolumeMount } from "../../lib/engine/mounts.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** An image with something at /data, and volumes of its own at /own and below /data. */
const ARCHIVE = busyboxWith({
  name: "filled",
  config: { Volumes: { "/own": {}, "/own/": {}, "rel/ative/": {} } },
  layers: [
    [
      { path: "data", type: "directory", mode: 0o751, mtime: 1_000_000 },
      { path: "data/file", content: "content", mode: 0o640, mtime: 2_000_000 },
      { path: "data/suid", content: "x", mode: 0o4755 },
      { path: "data/link", type: "symlink", target: "/nowhere" },
      { path: "data/hard", type: "link", target: "data/file", mode: 0o640, mtime: 2_000_000 },
      { path: "data/fifo", type: "fifo", mode: 0o600 },
      { path: "data/deep/er/file", content: "deep" },
      { path: "data/deep/hard", type: "link", target: "data/file", mode: 0o640, mtime: 2_000_000 },
      { path: "own/file", content: "own" },
      { path: "closed", type: "directory", mode: 0o700 },
      { path: "plain", content: "no directory" },
      { path: "to-data", type: "symlink", target: "../../data" },
    ],
  ],
});

describe.runIf(requireUserNamespaces())("a volume", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(busyboxArchive());
    await engine.images.load(ARCHIVE);
  });

  async function shell(script: string, mounts: readonly Mount[], options: RunOptions = {}) {
    const { stdout, stderr } = await run("filled", ["sh", "-c", script], {
      engine,
      remove: true,
      network: "none",
      mounts,
      ...options,
    });
    return stdout + stderr;
  }

  const volume = (source: string, target: string, rest: Partial<VolumeMount> = {}): VolumeMount => {
    return { type: "volume", source, target, ...rest };
  };
  const volumes = () => readdir(join(engine.root, "volumes"));
  const dataOf = (name: string) => join(engine.root, "volumes", name, "_data");

  it("is made on first use, and seen by the next container", async () => {
    await shell("echo one > /m/file", [volume("first", "/m")]);

    expect(await shell("cat /other/file", [volume("first", "/other")])).toBe("one\n");
    expect(JSON.parse(await readFile(join(dataOf("first"), "../volume.json"), "utf8"))).toEqual({
      format: 1,
      name: "first",
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      driver: "local",
      labels: {},
      anonymous: false,
    });
  });

  it("has the labels it is made with", async () => {
    await shell("true", [volume("labelled", "/m", { labels: { a: "1" } })]);

    expect(await readFile(join(dataOf("labelled"), "../volume.json"), "utf8")).toContain(
      '"labels":{"a":"1"}',
    );
  });

  it("may be read-only", async () => {
    expect(await shell("touch /m/x", [volume("ro", "/m", { readOnly: true })])).toContain(
      "Read-only file system",
    );
  });

  describe("that is empty", () => {
    const look = `cd /data; stat -c '%n %a %F %Y' . file suid fifo; readlink link; cat deep/er/file;
      echo; stat -c %h file; test file -ef hard && test file -ef deep/hard && echo same`;

    it("gets what the image has there, with modes, times and links", async () => {
      const expected = await shell(look, []);

      expect(await shell(look, [volume("filled", "/data")])).toBe(expected);
      expect(expected).toContain("file 640 regular file 2000000\n");
      expect(expected).toContain("3\nsame\n");
    });

    it("gets the mode of a directory without anything in it", async () => {
      expect(await shell("stat -c %a /closed", [volume("closed", "/closed")])).toBe("700\n");
    });

    it("is left empty when nothing is to be copied", async () => {
      expect(await shell("ls -A /data", [volume("nocopy", "/data", { copy: false })])).toBe("");
    });

    it("is left empty where the image has nothing", async () => {
      expect(await shell("ls -A /new; stat -c %a /new", [volume("new", "/new")])).toBe("755\n");
    });

    it("is filled through a link of the image, which stays in the container", async () => {
      expect(await shell("cat /data/file", [volume("link", "/to-data")])).toBe("content");
      expect(await readdir(dataOf("link"))).toContain("file");
    });

    it("is filled by the first of two mounts of it", async () => {
      const mounts = [volume("twice", "/data"), volume("twice", "/own")];

      expect(await shell("ls /own | head -1", mounts)).toBe("deep\n");
    });
  });

  it("with something in it is left as it is", async () => {
    await shell("echo mine > /m/file", [volume("mine", "/m")]);

    expect(await shell("ls /data; cat /data/file", [volume("mine", "/data")])).toBe("file\nmine\n");
  });

  it("is not filled again when its container is started again", async () => {
    await using container = await engine.containers.create({
      image: "filled",
      command: ["sh", "-c", "ls /data | wc -l; rm -r /data/*"],
      mounts: [volume("emptied", "/data")],
      network: "none",
    });

    const counts: string[] = [];
    for (let start = 0; start < 2; start++) {
      const process = await container.start();
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdout ?? []) chunks.push(chunk as Buffer);
      await process.wait();
      counts.push(Buffer.concat(chunks).toString());
    }

    expect(counts).toEqual(["6\n", "0\n"]);
    await container.remove();
  });

  it("is filled once when many start with it at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 12 }, () => shell("ls /data | wc -l", [volume("many", "/data")])),
    );

    expect(new Set(results)).toEqual(new Set(["6\n"]));
  });

  it("that is a directory does not go where the image has a file", async () => {
    await expect(shell("true", [volume("plain", "/plain")])).rejects.toMatchObject({
      code: "START_FAILED",
      errno: "ENOTDIR",
    });
  });

  describe("half filled by a start that was killed", () => {
    async function prepared(name: string, below: string): Promise<void> {
      await shell("true", [volume(name, "/empty", { copy: false })]);
      await mkdir(join(dataOf(name), "..", below, "part"), { recursive: true });
      await writeFile(join(dataOf(name), "..", below, "half"), "half");
    }

    it("is filled anew", async () => {
      await prepared("half", ".draft");

      expect(await shell("ls /data | head -2", [volume("half", "/data")])).toBe("deep\nfifo\n");
      expect(await readdir(join(dataOf("half"), ".."))).toEqual(["_data", "users", "volume.json"]);
    });

    it("gets the rest of what was copied whole", async () => {
      await prepared("whole", ".filled");
      await writeFile(join(dataOf("whole"), "already"), "");

      expect(await shell("ls /data", [volume("whole", "/data")])).toBe("already\nhalf\npart\n");
      expect(await readdir(join(dataOf("whole"), ".."))).toEqual(["_data", "users", "volume.json"]);
    });
  });

  describe("without a name", () => {
    it("is gone with a container that removes itself", async () => {
      const before = await volumes();

      expect(await shell("cat /data/file", [{ type: "volume", target: "/data" }])).toBe("content");

      expect(await volumes()).toEqual(before);
    });

    it("stays with a container that does not, and goes with it when that is asked for", async () => {
      const before = await volumes();
      for (const options of [{}, { volumes: true }]) {
        const { id } = await run("busybox", ["touch", "/m/x"], {
          engine,
          mounts: [{ type: "volume", target: "/m" }],
        });
        await engine.containers.remove(id, options);
      }

      const left = (await volumes()).filter((name) => !before.includes(name));
      expect(left).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
      expect(await readdir(dataOf(String(left[0])))).toEqual(["x"]);
      expect(await readdir(join(dataOf(String(left[0])), "../users"))).toEqual([]);
    });

    it("is made for each volume of the image, unless something is mounted there", async () => {
      const before = await volumes();
      const container = await engine.containers.create({
        image: "filled",
        command: ["true"],
        mounts: [volume("mine", "/own/")],
      });

      const { Mounts, HostConfig, Config } = await container.inspect();

      const target = "/rel/ative";
      expect(Mounts.map(({ Destination }) => Destination)).toEqual(["/own/", target]);
      expect(Config.Volumes).toEqual({ [target]: {} });
      expect(HostConfig.Binds).toEqual(["mine:/own/"]);
      await container.remove({ volumes: true });
      expect(await volumes()).toEqual(before);
    });

    it("is refused where the image declares all of itself to be one", async () => {
      const options = { name: "whole", config: { Volumes: { "/..": {}, "/x": {}, "/x/": {} } } };
      await engine.images.load(busyboxWith(options));

      await expect(run("whole", ["true"], { engine, remove: true })).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: "the image declares its whole root directory to be a volume",
      });
    });

    it("is not left by a container that could not be made", async () => {
      const before = await volumes();
      const mounts = [
        { type: "volume", target: "/m" },
        { type: "tmpfs", target: "/m" },
      ] as const;

      await expect(shell("true", mounts)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(run("filled", ["/none"], { engine, remove: true })).rejects.toMatchObject({
        code: "START_FAILED",
      });

      expect(await volumes()).toEqual(before);
    });
  });

  describe("of another container", () => {
    it("is there, read-only if asked for, with its binds, and without its tmpfs", async () => {
      const source = await temporaryFolder();
      const other = await engine.containers.create({
        image: "filled",
        command: ["true"],
        name: "other",
        mounts: [
          { type: "volume", target: "/anonymous" },
          volume("named", "/named", { readOnly: true }),
          { type: "bind", source, target: "/bound" },
          { type: "tmpfs", target: "/tmpfs" },
        ],
      });
      await shell("echo hi > /anonymous/file; touch /bound/x; touch /named/x", [], {
        volumesFrom: ["other"],
      });

      const script =
        "cat /anonymous/file; touch /anonymous/y; ls -d /tmpfs; touch /named/z; cat /own/file";
      const stdout = await shell(script, [volume("instead", "/own")], {
        volumesFrom: [`${other.id.slice(0, 12)}:ro`],
      });

      expect(stdout).toMatch(/^hi\nown/);
      expect(stdout).toContain("touch: /anonymous/y: Read-only file system");
      expect(stdout).toContain("ls: /tmpfs: No such file");
      expect(stdout).toContain("touch: /named/z: Read-only file system");
      expect(await readdir(source)).toEqual(["x"]);
      await other.remove({ volumes: true });
    });

    it("outlives that container while somebody has it", async () => {
      const first = await run("busybox", ["sh", "-c", "echo kept > /m/file"], {
        engine,
        mounts: [{ type: "volume", target: "/m" }],
      });
      const second = await engine.containers.create({
        image: "busybox",
        command: ["cat", "/m/file"],
        volumesFrom: [first.id],
      });
      await engine.containers.remove(first.id, { volumes: true });

      const process = await second.start({ stdout: "ignore" });
      expect((await process.wait()).exitCode).toBe(0);

      const before = await volumes();
      await second.remove({ volumes: true });
      expect((await volumes()).length).toBe(before.length - 1);
    });

    it("is of the last one that has a mount there", async () => {
      for (const name of ["one", "two"]) {
        await run("busybox", ["sh", "-c", `echo ${name} > /m/file`], {
          engine,
          name,
          mounts: [volume(`of-${name}`, "/m")],
        });
      }

      const stdout = await shell("cat /m/file", [], { volumesFrom: ["two", "one"] });

      expect(stdout).toBe("one\n");
    });

    it("cannot be had of one that is not there", async () => {
      await expect(shell("true", [], { volumesFrom: ["nobody"] })).rejects.toMatchObject({
        code: "NOT_FOUND",
        message: "no such container: nobody",
      });
    });
  });

  describe("in part", () => {
    it("is a directory or a file of it", async () => {
      const part = (subpath: string, target: string) => volume("parts", target, { subpath });
      await shell("mkdir -p /m/a/b; echo x > /m/a/b/c", [volume("parts", "/m")]);

      expect(await shell("cat /d/c /f", [part("a/b", "/d"), part("a/b/c", "/f")])).toBe("x\nx\n");
    });

    it("must be there", async () => {
      const mounts = [volume("parts", "/m", { subpath: "none" })];

      await expect(shell("true", mounts)).rejects.toMatchObject({
        code: "START_FAILED",
        errno: "ENOENT",
        message: expect.stringContaining("open none in the volume for /m") as string,
      });
    });

    it.each(["/etc", "../../../etc", "../volume.json"])(
      "cannot be %s by a link",
      async (target) => {
        await shell("true", [volume("escape", "/m")]);
        const link = join(dataOf("escape"), `to${target.length}`);
        await symlink(target, link);
        const mounts = [volume("escape", "/m", { subpath: `to${target.length}` })];

        await expect(shell("true", mounts)).rejects.toMatchObject({
          code: "START_FAILED",
          errno: "EXDEV",
        });
      },
    );
  });

  it.each(["a", "../x", "a/b", ".hidden", "x".repeat(300)])("cannot be called %s", async (name) => {
    await expect(shell("true", [volume(name, "/m")])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
