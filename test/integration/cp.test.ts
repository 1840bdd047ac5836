/** Files copied into containers and out of them, running or not: Docker's rules, and what races. */
import {
  createReadStream,
  existsSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
} from "node:fs";
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readFile,
  rmdir,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { copyInto, copyOut } from "../../lib/api/copy.ts";
import { run } from "../../lib/api/run.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { readTar } from "../helpers/tar-reader.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Of users that there are not, where one id is all there is. */
function ifUnmapped(error: unknown): undefined {
  if (!isMarmitaError(error, "START_FAILED")) throw error;
}

describe.runIf(requireUserNamespaces())("copying", () => {
  expectNothingLeft();

  let engine: Engine;
  let folder: string;

  const here = (path: string) => join(folder, path);
  const create = async (options: Partial<CreateOptions> = {}): Promise<Container> =>
    engine.containers.create({
      image: "busybox",
      command: ["sleep", "1000"],
      network: "none",
      ...options,
    });
  /** What a command in a new container over the same files prints: of a volume. */
  const inVolume = async (volume: string, script: string) => {
    const { stdout, stderr } = await run("busybox", ["sh", "-c", script], {
      engine,
      remove: true,
      network: "none",
      mounts: [{ type: "volume", source: volume, target: "/v" }],
    });
    return stdout + stderr;
  };
  const textIn = async (container: Container, path: string) => {
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await container.copyOut(path, stream);
    return readTar(Buffer.concat(chunks));
  };

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  beforeEach(async () => {
    folder = await temporaryFolder();
    await mkdir(here("dir/deep"), { recursive: true });
    await writeFile(here("dir/deep/file"), "deep");
    await writeFile(here("dir/one"), "one");
    await link(here("dir/one"), here("dir/same"));
    await symlink("deep", here("dir/link"));
    await chmod(here("dir/deep/file"), 0o4751);
    await utimes(here("dir/deep/file"), 1_000, 1_000);
    await writeFile(here("file"), "text");
  });

  describe.each(["running", "stopped"])("with a container that is %s", (state) => {
    let container: Container;

    beforeAll(async () => {
      container = await create({
        mounts: [{ type: "volume", source: `v-${state}`, target: "/v" }],
      });
      if (state === "running") await container.start();
      return async () => container.remove({ force: true, volumes: true });
    });

    it("a directory there and back is the same", async () => {
      const into = await container.copyInto("/there", here("dir"));
      const out = await copyOut({ container: container.id, path: "/there" }, here("back"), {
        engine,
      });

      expect(into).toEqual({
        entries: 6,
        size: expect.any(Number) as number,
        devices: 0,
        unowned: 0,
      });
      expect(out).toEqual(into);
      expect(await readFile(here("back/deep/file"), "utf8")).toBe("deep");
      expect(readlinkSync(here("back/link"))).toBe("deep");
      const [file, one, same] = ["deep/file", "one", "same"].map((path) =>
        statSync(here(`back/${path}`)),
      );
      expect(file).toMatchObject({ mtimeMs: 1_000_000 });
      expect((file?.mode ?? 0) & 0o7777).toBe(0o751); // whoever copies it is not who it was of
      expect(one?.ino).toBe(same?.ino);
    });

    it("files belong to root there, or keep their owners", async () => {
      await container.copyInto("/mine", here("file"));
      const { unowned } = await container.copyInto("/theirs", here("file"), { keepOwners: true });

      const [mine] = await textIn(container, "/mine");
      expect(mine).toMatchObject({ path: "mine", uid: 0, gid: 0 });
      const [theirs] = await textIn(container, "/theirs");
      const { uid, gid } = unowned > 0 ? { uid: 0, gid: 0 } : statSync(here("file"));
      expect(theirs).toMatchObject({ uid, gid });
    });

    it("set-id bits stay inside", async () => {
      await container.copyInto("/set-id", here("dir/deep/file"));

      const [entry] = await textIn(container, "/set-id");
      expect(entry).toMatchObject({ mode: 0o4751 });
    });

    it("a volume is a part of it", async () => {
      await container.copyInto("/v/", here("file"));

      expect(await inVolume(`v-${state}`, "cat /v/file")).toBe("text");
    });

    it("a tar goes into a directory, with the owners that it has", async () => {
      const tar = tarArchive([
        { path: "a/b", content: "tar", mode: 0o600 },
        { path: "a/link", type: "symlink", target: "b" },
      ]);

      await copyInto({ container: container.name, path: "/tmp" }, Readable.from([tar]), { engine });

      const entries = await textIn(container, "/tmp/a");
      expect(entries.map(({ path }) => path)).toEqual(["a", "a/b", "a/link"]);
    });

    it("what is in a directory comes without its name", async () => {
      await container.copyInto("/contents", here("dir/."));

      const entries = await textIn(container, "/contents/.");
      expect(entries.map(({ path }) => path)).toEqual([
        "",
        "deep",
        "link",
        "one",
        "same",
        "deep/file",
      ]);
    });

    it("a link is followed when that is asked for", async () => {
      await symlink("file", here("to-file"));

      await container.copyInto("/as-link", here("to-file"));
      await container.copyInto("/as-file", here("to-file"), { followLinks: true });

      expect(await textIn(container, "/as-link")).toMatchObject([{ type: "symlink" }]);
      expect(await textIn(container, "/as-file")).toMatchObject([{ type: "file", size: 4 }]);
    });

    it("links of the container stay in it", async () => {
      const tar = tarArchive([
        { path: "escape", type: "symlink", target: here("outside") },
        { path: "up", type: "symlink", target: "../../../../../../.." },
      ]);
      await mkdir(here("outside"));
      await container.copyInto("/", Readable.from([tar]));

      await expect(container.copyInto("/escape/x", here("file"))).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      await container.copyInto("/up/tmp/x", here("file"));

      expect(readdirSync(here("outside"))).toEqual([]);
      expect(await textIn(container, "/tmp/x")).toMatchObject([{ size: 4 }]);
    });

    it("a file that is mounted there is written into", async () => {
      await container.copyInto("/etc/hosts", here("file"));

      const path = join(engine.root, "containers", container.id, "hosts");
      expect(readFileSync(path, "utf8")).toBe("text");
      const [entry] = await textIn(container, "/etc/hosts");
      expect(entry).toMatchObject({ size: 4 });
    });

    it.each([
      ["a source that is not there", "/", "none", "NOT_FOUND"],
      ["a directory that is not there", "/none/at/all", "file", "NOT_FOUND"],
      ["a file with a slash behind it", "/", "file/", "INVALID_ARGUMENT"],
      ["a directory over a file", "/etc/passwd", "dir", "INVALID_ARGUMENT"],
      ["a file below a file", "/etc/passwd/x", "file", "INVALID_ARGUMENT"],
    ])("%s is refused", async (_, path, source, code) => {
      const copying = container.copyInto(path, here(source));

      await expect(copying).rejects.toMatchObject({ code });
      await expect(copying).rejects.toThrow(
        `cannot copy ${here(source)} to ${container.name}:${path}`,
      );
    });

    it("what is not there cannot be copied out, and leaves nothing", async () => {
      const copying = container.copyOut("/none", here("new"));

      await expect(copying).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(existsSync(here("new"))).toBe(false);
    });
  });

  it("what is read-only is refused, and what is not is not", async () => {
    const container = await create({
      readOnly: true,
      mounts: [
        { type: "volume", source: "rw", target: "/rw" },
        { type: "volume", source: "ro", target: "/ro", readOnly: true },
      ],
    });
    for (const start of [false, true]) {
      if (start) await container.start();
      for (const path of ["/x", "/ro/x"]) {
        await expect(container.copyInto(path, here("file"))).rejects.toMatchObject({
          code: "CONFLICT",
          errno: "EROFS",
          hint: expect.stringContaining("read-only") as string,
        });
      }
      await container.copyInto("/rw/x", here("file"));
    }
    await container.remove({ force: true });
  });

  it("a volume that was never filled gets what the image has first", async () => {
    const container = await create({ mounts: [{ type: "volume", source: "new", target: "/etc" }] });

    await container.copyInto("/etc/mine", here("file"));

    expect(await inVolume("new", "ls /v | grep -e mine -e passwd")).toBe("mine\npasswd\n");
    await container.remove();
  });

  it("what is bound and has gone does not keep the rest from being copied", async () => {
    const source = here("bound");
    await mkdir(source);
    const container = await create({ mounts: [{ type: "bind", source, target: "/b" }] });
    await rmdir(source);

    expect(await textIn(container, "/etc/passwd")).toHaveLength(1);
    await container.remove();
  });

  it.each<[string, Partial<CreateOptions>]>([
    ["of this machine's own root", { image: "host" }],
    ["whose user is the caller", { userns: "keep-id" }],
    ["without a network of its own", { network: "host" }],
    ["that runs as somebody else", { user: "65534:65534" }],
    ["without rights", { capDrop: ["ALL"], noNewPrivileges: true }],
  ])("goes for a container %s", async (_, options) => {
    const container = await create(options);
    for (const start of [false, true]) {
      if (start) {
        const started = await container.start().catch(ifUnmapped);
        if (started === undefined) break;
      }
      await container.copyInto("/tmp/file", here("file"));
      await container.copyOut("/tmp/file", here("back"));

      expect(await readFile(here("back"), "utf8")).toBe("text");
      expect(statSync(here("back")).uid).toBe(process.getuid?.());
    }
    await container.remove({ force: true });
  });

  it("goes for a container that is paused, which stays so", async () => {
    const container = await create();
    await container.start();
    await container.pause();

    await container.copyInto("/tmp/file", here("file"));

    expect(await textIn(container, "/tmp/file")).toMatchObject([{ size: 4 }]);
    expect(await container.state()).toMatchObject({ status: "paused" });
    await container.remove({ force: true });
  });

  it("goes for a container that shares namespaces with another", async () => {
    const other = await create();
    await other.start();
    const container = await create({ pid: `container:${other.name}` });
    await container.copyInto("/tmp/file", here("file"));
    await container.start();

    await container.copyInto("/tmp/other", here("file"));

    expect((await textIn(container, "/tmp/.")).map(({ path }) => path)).toEqual([
      "",
      "file",
      "other",
    ]);
    await container.remove({ force: true });
    await other.remove({ force: true });
  });

  it("a start waits for what is copied, and nothing is lost", async () => {
    const container = await create({ command: ["cat", "/slow/file"] });
    const slow = new PassThrough();
    slow.write(tarArchive([{ path: "slow/file", content: "whole" }]).subarray(0, 512));
    const copying = container.copyInto("/", slow);
    await eventually("a lock", () => {
      const live = join(engine.root, "live", container.id);
      return existsSync(live) && readFileSync(live, "utf8").includes("copy") ? true : undefined;
    });

    const starting = container.start();
    slow.end(tarArchive([{ path: "slow/file", content: "whole" }]).subarray(512));
    const [, process] = await Promise.all([copying, starting]);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdout ?? []) chunks.push(chunk as Buffer);
    await process.wait();

    expect(Buffer.concat(chunks).toString()).toBe("whole");
    await container.remove();
  });

  it("many at once, beside starts and ends, all come through", async () => {
    const container = await create({ command: ["true"] });
    const copies = Array.from({ length: 8 }, async (_, at) =>
      container.copyInto(`/file-${at}`, here("file")),
    );
    const starts = (async () => {
      for (let round = 0; round < 4; round++) await (await container.start()).wait();
    })();

    await Promise.all([...copies, starts]);

    const entries = await textIn(container, "/.");
    const names = entries.map(({ path }) => path).filter((path) => path.startsWith("file-"));
    expect(names).toHaveLength(8);
    await container.remove();
  });

  it("is over when it is aborted, with no half file", async () => {
    const container = await create();
    const abort = new AbortController();
    const endless = new PassThrough();
    endless.write(tarArchive([{ path: "half", content: "x".repeat(5_000) }]).subarray(0, 1_024));

    const copying = container.copyInto("/tmp", endless, { signal: abort.signal });
    const half = join(engine.root, "containers", container.id, "upper/tmp/half");
    await eventually("half a file", () => (existsSync(half) ? true : undefined));
    abort.abort();

    await expect(copying).rejects.toMatchObject({ name: "AbortError" });
    expect((await textIn(container, "/tmp/.")).map(({ path }) => path)).toEqual([""]);
    expect(endless.destroyed).toBe(true);
    await container.remove();
  });

  it("a stream that breaks says why", async () => {
    const container = await create();
    const broken = Readable.from(
      (async function* () {
        yield tarArchive([{ path: "a", content: "a" }]).subarray(0, 512);
        throw new Error("connection reset");
      })(),
    );

    await expect(container.copyInto("/", broken)).rejects.toThrow("connection reset");
    await container.remove();
  });

  it("a tar that leads out of its directory is refused", async () => {
    const container = await create();
    const tar = tarArchive([{ path: "../up", content: "x" }]);

    await expect(container.copyInto("/tmp", Readable.from([tar]))).rejects.toMatchObject({
      code: "CORRUPT",
    });
    await container.remove();
  });

  it("a packed tar is unpacked, from a descriptor too", async () => {
    const container = await create();
    await writeFile(here("a.tgz"), gzipSync(tarArchive([{ path: "packed", content: "x" }])));
    const file = await open(here("a.tgz"));

    await container.copyInto("/tmp", { fd: file.fd });
    await container.copyInto("/root", createReadStream(here("a.tgz")));
    await file.close();

    expect(await textIn(container, "/tmp/packed")).toHaveLength(1);
    expect(await textIn(container, "/root/packed")).toHaveLength(1);
    await container.remove();
  });

  it("of a container that is removed is refused", async () => {
    const container = await create();
    await container.remove();

    await expect(container.copyInto("/", here("file"))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(container.copyOut("/etc", here("x"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("refuses what it does not know", async () => {
    const container = await create();

    await expect(container.copyInto("", here("file"))).rejects.toThrow("a path cannot be empty");
    await expect(container.copyInto("/", here("file"), { x: 1 } as object)).rejects.toThrow(
      'unknown option "x"',
    );
    await expect(container.copyInto("/", { fd: -1 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect((await lstat(here("file"))).isFile()).toBe(true);
    await container.remove();
  });
});
