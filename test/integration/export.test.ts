import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { exportContainer } from "../../lib/api/containers.ts";
import { importImage } from "../../lib/api/images.ts";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
const canFuse = canRun && requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());
expectNothingLeft();

const SCRIPT = `
  cd /data && rm one && echo two >> two && chmod 600 two
  mkdir -p /new/deep && cd /new
  echo hi > a && ln a b && ln -s a link && mkfifo fifo && chmod 4755 a && touch -d @86400 deep`;

const archive = () =>
  busyboxWith({
    name: "export:1",
    layers: [
      [
        { path: "data/", type: "directory", mode: 0o755 },
        { path: "data/one", content: "1\n" },
        { path: "data/two", content: "2\n" },
        { path: "data/mine", content: "3\n", uid: 12, gid: 34 },
      ],
    ],
  });

describe.runIf(canRun)("export", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(archive());
    await run("export:1", ["sh", "-c", SCRIPT], { engine, name: "done" });
  });

  it("writes all files, the image's and the changed ones", async () => {
    const path = await exported(engine, "done");

    const lines = listing(path);
    const shown = lines.filter((line) => / (data|new)\//.test(line));
    expect(shown.sort(byName)).toEqual([
      "drwxr-xr-x 0/0 0 data/",
      "-rw-r--r-- 12/34 2 data/mine",
      "-rw------- 0/0 6 data/two",
      "drwxr-xr-x 0/0 0 new/",
      "-rwsr-xr-x 0/0 3 new/a",
      "hrwsr-xr-x 0/0 0 new/b link to new/a",
      "drwxr-xr-x 0/0 0 new/deep/",
      "prw-r--r-- 0/0 0 new/fifo",
      "lrwxrwxrwx 0/0 0 new/link -> a",
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/ bin\/busybox\b/));
    expect(lines.filter((line) => /\.wh\./.test(line))).toEqual([]);
    expect(output(["tar", "-xOf", path, "data/two"])).toBe("2\ntwo\n");
    expect(output(["tar", "--utc", "-tvf", path, "new/deep/"])).toContain("1970-01-02 00:00");
  });

  it("says how large it is and of how many entries", async () => {
    const path = join(await temporaryFolder(), "exported.tar");

    const { size, entries } = await exportContainer("done", path, { engine });

    expect(size).toBe(Number(output(["stat", "-c", "%s", path])));
    expect(entries).toBe(listing(path).length);
  });

  it("is what import makes an image of, with the same files", async () => {
    const stream = new PassThrough();

    const [image] = await Promise.all([
      importImage(stream, "imported:1", { engine, changes: ['CMD ["sh"]', "ENV PATH=/bin"] }),
      exportContainer("done", stream, { engine }),
    ]);

    expect((await engine.images.get("imported:1")).id).toBe(image.id);
    const menu = ["sh", "-c", "cat /data/two; ls /data; stat -c %h /new/a"];
    const { stdout } = await run("imported:1", menu, { engine, name: "again" });
    expect(stdout).toBe("2\ntwo\nmine\ntwo\n2\n");
    const [before, after] = [await exported(engine, "done"), await exported(engine, "again")];
    expect(listing(after)).toEqual(listing(before));
    expect(output(["tar", "--utc", "-tvf", after, "new/deep/"])).toContain("1970-01-02 00:00");
  });

  it("takes what a running container has by now, and leaves it running", async () => {
    const script = "echo here > /started; echo started; exec sleep 1000";
    const { container, process } = await engine.containers.createAndStart(
      { image: "export:1", command: ["sh", "-c", script] },
      { stdout: "pipe" },
    );
    await new Promise((resolve) => process.stdout?.once("data", resolve));

    const path = await exported(engine, container.id);

    expect(output(["tar", "-xOf", path, "started"])).toBe("here\n");
    expect((await container.state()).status).toBe("running");
    await container.remove({ force: true });
  });

  it("leaves out what is mounted, and where", async () => {
    const folder = await temporaryFolder();
    mkdirSync(join(folder, "below"));
    writeFileSync(join(folder, "secret"), "of the host");
    await run(
      "export:1",
      ["sh", "-c", "echo x > /volume/x; echo x > /tmp/x; echo y > /dev/shm/y"],
      {
        engine,
        name: "mounted",
        mounts: [
          { type: "bind", source: folder, target: "/bound/deep" },
          { type: "volume", source: "pantry", target: "/volume" },
          { type: "tmpfs", target: "/tmp" },
        ],
      },
    );

    const names = listing(await exported(engine, "mounted")).map(
      (line) => line.split(" ")[3] ?? "",
    );

    const within = (place: string) => names.filter((name) => name.startsWith(place));
    expect(within("bound/deep")).toEqual([]);
    expect(within("volume/")).toEqual([]);
    expect(within("tmp/")).toEqual(["tmp/"]); // of the image
    for (const place of ["proc/", "sys/", "dev/"]) expect(within(place)).toEqual([]);
  });

  it("writes the same bytes each time", async () => {
    const sums = [await exported(engine, "done"), await exported(engine, "done")].map((path) =>
      output(["sha256sum", path]).slice(0, 64),
    );

    expect(sums[0]).toBe(sums[1]);
  });

  it.runIf(canFuse)("is the same whichever file system served the container", async () => {
    const fuse = await testEngine({ storageDriver: "fuse-overlayfs" });
    await fuse.images.load(archive());
    await run("export:1", ["sh", "-c", SCRIPT], { engine: fuse, name: "fused" });

    const [one, other] = [await exported(engine, "done"), await exported(fuse, "fused")];

    expect(listing(other)).toEqual(listing(one));
    await fuse.close();
  });

  it("keeps the owners that one's ids cannot be given", async () => {
    const single = await testEngine({ ids: "single" });
    const layers = [[{ path: "mine", content: "3\n", uid: 12, gid: 34, mode: 0o640 }]];
    await single.images.load(busyboxWith({ name: "single:1", layers }));
    await run("single:1", ["true"], { engine: single, name: "alone" });

    const lines = listing(await exported(single, "alone"));

    expect(lines).toContain("-rw-r----- 12/34 2 mine");
    await single.close();
  });

  it("refuses a container on the image host, whose files are this machine's", async () => {
    await run("host", ["true"], { engine, name: "here" });
    const path = join(await temporaryFolder(), "host.tar");

    await expect(exportContainer("here", path, { engine })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("this machine"),
    });

    expect(existsSync(path)).toBe(false);
  });

  it("says what is not there", async () => {
    const folder = await temporaryFolder();

    await expect(exportContainer("nobody", join(folder, "x"), { engine })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { container: "nobody" },
    });
    await expect(exportContainer("done", join(folder, "no/x"), { engine })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });

    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([-1, 2 ** 31, 0.5])("refuses %d, which is no descriptor", async (fd) => {
    await expect(exportContainer("done", { fd }, { engine })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(engine.images.load({ fd })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is aborted while nobody reads, and leaves nothing", async () => {
    const stalled = new PassThrough({ highWaterMark: 1 });
    const abort = new AbortController();

    const exporting = exportContainer("done", stalled, { engine, signal: abort.signal });
    await eventually("the first bytes", () => stalled.readableLength > 0 || undefined, 5_000);
    abort.abort();

    await expect(exporting).rejects.toMatchObject({ name: "AbortError" });
    expect(stalled.destroyed).toBe(true);
  });
});

async function exported(engine: Engine, container: string): Promise<string> {
  const path = join(await temporaryFolder(), "exported.tar");
  await exportContainer(container, path, { engine });
  return path;
}

function byName(one: string, other: string): number {
  const [a = "", b = ""] = [one, other].map((line) => line.split(" ")[3]);
  return a < b ? -1 : 1;
}

/** Type and mode, owner, size, and name, but no times. */
function listing(path: string): readonly string[] {
  const lines = output(["tar", "--numeric-owner", "-tvf", path]).trimEnd().split("\n");
  return lines.map((line) => line.replace(/ +(\d+) \d{4}-\d\d-\d\d \d\d:\d\d /, " $1 "));
}
