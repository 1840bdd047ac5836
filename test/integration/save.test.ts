import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { mkdir, open, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { hexOf } from "../../lib/oci/digest.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("save", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(busyboxArchive({ form: "oci", gzip: true }));
    await engine.images.load(
      busyboxWith({
        name: "lunch:1",
        form: "oci",
        gzip: true,
        layers: [[{ path: "menu", content: "feijoada\n" }]],
      }),
    );
    await engine.images.tag("lunch:1", "registry.example.com:5000/me/lunch:2");
  });

  describe.each(["docker-archive", "oci-archive", "oci-dir"] as const)("as %s", (format) => {
    it("gives back the same images, under the names they were asked for by", async () => {
      const target = join(await temporaryFolder(), "saved");
      const other = await testEngine();
      const names = ["registry.example.com:5000/me/lunch:2", "busybox", "lunch:1"];

      const saved = await engine.images.save(names, target, { format });
      const loaded = await other.images.load(target);

      const lunch = await engine.images.get("lunch:1");
      expect(saved).toEqual([
        { id: lunch.id, digest: lunch.digest, names: [names[0], names[2]] },
        expect.objectContaining({ names: ["busybox:latest"] }),
      ]);
      expect(loaded).toEqual(saved.map(({ id, names: [...given] }) => ({ id, names: given })));
      for (const name of names) {
        const { id, digest } = await engine.images.get(name);
        expect(await other.images.get(name)).toMatchObject({ id, digest });
      }
      const { stdout } = await run("lunch:1", ["cat", "/menu"], { engine: other, remove: true });
      expect(stdout).toBe("feijoada\n");
      await other.close();
    });

    it("gives back an image without a name", async () => {
      const target = join(await temporaryFolder(), "saved");
      const other = await testEngine();
      const { id } = await engine.images.get("lunch:1");

      await engine.images.save(id, target, { format });

      expect(await other.images.load(target)).toEqual([{ id, names: [] }]);
      await other.close();
    });

    it("writes plain layers when asked to, and the ids stay", async () => {
      const target = join(await temporaryFolder(), "saved");
      const other = await testEngine();

      const saved = await engine.images.save("lunch:1", target, { format, uncompressed: true });
      await other.images.load(target);

      const { id, digest } = await engine.images.get("lunch:1");
      const image = await other.images.get("lunch:1");
      expect(image.id).toBe(id);
      expect(image.digest).toBe(saved[0]?.digest);
      expect(image.digest).not.toBe(digest);
      expect(image.layers.map(({ descriptor }) => descriptor.digest)).toEqual(
        image.layers.map(({ diffId }) => diffId),
      );
      await other.close();
    });
  });

  it("writes a layer once, however many images have it", async () => {
    const path = await savedTo(engine, ["lunch", "busybox", "registry.example.com:5000/me/lunch"]);

    const names = output(["tar", "-tf", path]).trimEnd().split("\n");
    expect(names).toHaveLength(new Set(names).size);
    // Two manifests, two configs, two layers.
    expect(names.filter((name) => /^blobs\/sha256\/\w/.test(name))).toHaveLength(6);
  });

  it("writes the same bytes each time, to a path, a stream and a descriptor", async () => {
    const names = ["busybox", "lunch:1"];
    const path = await savedTo(engine, names);
    const stream = new PassThrough();
    const piped = text(stream);
    const other = join(await temporaryFolder(), "by-descriptor");
    const file = await open(other, "w");

    await engine.images.save(names, stream);
    await engine.images.save(names, { fd: file.fd });

    await file.close();
    const bytes = readFileSync(path);
    expect(await piped).toBe(bytes.toString());
    expect(readFileSync(other).equals(bytes)).toBe(true);
  });

  it("puts the archive in the place of a file, for its owner alone, and follows a link", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "old.tar"), "old");
    await symlink("old.tar", join(folder, "link"));

    await engine.images.save("busybox", join(folder, "link"));

    expect(statSync(join(folder, "old.tar")).size).toBeGreaterThan(1_000_000);
    expect(statSync(join(folder, "old.tar")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["link", "old.tar"]);
  });

  it("does not hurry a stream that takes its time", async () => {
    let most = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        most = Math.max(most, slow.writableLength);
        setTimeout(done, 1);
      },
    });

    await engine.images.save("busybox", slow);

    expect(slow.writableFinished).toBe(true);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  it("keeps what it saves, though it is removed meanwhile", async () => {
    const own = await testEngine();
    await own.images.load(busyboxArchive());
    const { id } = await own.images.get("busybox");
    await using second = await openEngine({ root: own.root });
    const stalled = new PassThrough({ highWaterMark: 1 });
    const path = join(await temporaryFolder(), "saved.tar");

    const saving = own.images.save("busybox", stalled);
    await eventually("the first bytes", () => stalled.readableLength > 0 || undefined, 5_000);
    const removing = second.images.remove("busybox");
    await writeFile(path, stalled);

    await Promise.all([saving, removing]);
    expect(await engine.images.load(path)).toEqual([{ id, names: ["busybox:latest"] }]);
    await own.close();
  });
});

describe.runIf(canRun)("save that fails", () => {
  let engine: Engine;
  let folder: string;

  beforeAll(async () => {
    engine = await testEngine();
    folder = await temporaryFolder();
    await engine.images.load(busyboxArchive());
  });

  it.each([
    ["an image that is not there", ["busybox", "no-such"], "NOT_FOUND", "no such image"],
    ["no image", [], "INVALID_ARGUMENT", "no image"],
  ])("for %s writes nothing", async (_, names, code, message) => {
    const path = join(folder, "nothing.tar");
    const stream = new PassThrough();

    await expect(engine.images.save(names, path)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    await expect(engine.images.save(names, stream)).rejects.toMatchObject({ code });

    expect(existsSync(path)).toBe(false);
    expect(stream.readableLength).toBe(0);
  });

  it.each([
    ["a directory that is not there", "no/such.tar", "NOT_FOUND"],
    ["a directory", ".", "INVALID_ARGUMENT"],
    ["what is below a file", "file/below.tar", "NOT_FOUND"],
  ])("says so for %s", async (_, name, code) => {
    await writeFile(join(folder, "file"), "");

    await expect(engine.images.save("busybox", join(folder, name))).rejects.toMatchObject({ code });

    expect(draftsIn(folder)).toEqual([]);
  });

  it.each(["full", "busy"])("leaves a directory as it was that is not empty: %s", async (name) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "file"), "mine");

    await expect(engine.images.save("busybox", path, { format: "oci-dir" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      details: { name: path },
    });

    expect(readdirSync(path)).toEqual(["file"]);
    expect(draftsIn(folder)).toEqual([]);
  });

  it("says that the disk is full", async () => {
    await expect(engine.images.save("busybox", "/dev/full")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOSPC",
      hint: expect.stringContaining("where the archive is written to"),
    });
  });

  it("says why a stream broke, which is then destroyed", async () => {
    const broken = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error("connection reset"));
      },
    });

    await expect(engine.images.save("busybox", broken)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("connection reset"),
    });

    expect(broken.destroyed).toBe(true);
  });

  it.each([
    ["has ended", (stream: PassThrough) => stream.end()],
    ["is destroyed", (stream: PassThrough) => stream.destroy()],
  ])("refuses a stream that %s", async (_, end) => {
    const stream = new PassThrough();
    end(stream.resume());

    await expect(engine.images.save("busybox", stream)).rejects.toMatchObject({
      name: "MarmitaError",
      code: "UNAVAILABLE",
      message: expect.stringContaining("it has ended"),
    });
  });

  it.each([
    ["ended", (stream: PassThrough) => stream.end()],
    ["destroyed", (stream: PassThrough) => stream.destroy()],
  ])("ends when the stream is %s by others", async (_, end) => {
    const stream = new PassThrough({ highWaterMark: 1 });

    const saving = engine.images.save("busybox", stream);
    await eventually("the first bytes", () => stream.readableLength > 0 || undefined, 5_000);
    end(stream);
    stream.resume();

    await expect(saving).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("by an abort leaves no half file and no stream that waits", async () => {
    const stalled = new PassThrough({ highWaterMark: 1 });
    const abort = new AbortController();

    const saving = engine.images.save("busybox", stalled, { signal: abort.signal });
    await eventually("the first bytes", () => stalled.readableLength > 0 || undefined, 5_000);
    abort.abort(new Error("enough"));

    await expect(saving).rejects.toMatchObject({ name: "AbortError" });
    expect(stalled.destroyed).toBe(true);
    const path = join(folder, "aborted.tar");
    const signal = AbortSignal.abort();
    await expect(engine.images.save("busybox", path, { signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(existsSync(path)).toBe(false);
  });

  describe("for damage in the store", () => {
    it.each(["docker-archive", "oci-archive", "oci-dir"] as const)(
      "as %s is CORRUPT, and what was at the path stays",
      async (format) => {
        const damaged = await testEngine();
        await damaged.images.load(busyboxArchive());
        const path = await layerOf(damaged);
        const bytes = readFileSync(path);
        bytes.write("!", 1_000);
        await writeFile(path, bytes);
        const target = join(folder, "before.tar");
        await writeFile(target, "before");
        const place = format === "oci-dir" ? join(folder, "layout") : target;

        await expect(damaged.images.save("busybox", place, { format })).rejects.toMatchObject({
          code: "CORRUPT",
          message: expect.stringMatching(/blob sha256:/),
        });

        expect(readFileSync(target, "utf8")).toBe("before");
        expect(existsSync(join(folder, "layout"))).toBe(false);
        expect(draftsIn(folder)).toEqual([]);
        await damaged.close();
      },
    );

    it.each([
      ["cut short", (path: string) => truncate(path, 100)],
      ["missing", (path: string) => rename(path, `${path}.gone`)],
    ])("of a layer that is %s is CORRUPT before anything is written", async (_, damage) => {
      const damaged = await testEngine();
      await damaged.images.load(busyboxArchive());
      await damage(await layerOf(damaged));
      const stream = new PassThrough();

      await expect(damaged.images.save("busybox", stream)).rejects.toMatchObject({
        code: "CORRUPT",
      });

      expect(stream.readableLength).toBe(0);
      await damaged.close();
    });
  });

  it("leaves no draft in the store", () => {
    expect(draftsIn(join(engine.root, "images"))).toEqual([]);
  });
});

async function savedTo(engine: Engine, names: readonly string[]): Promise<string> {
  const path = join(await temporaryFolder(), "saved.tar");
  await engine.images.save(names, path);
  return path;
}

/** Where the only layer's blob is. */
async function layerOf(engine: Engine): Promise<string> {
  const [layer] = (await engine.images.get("busybox")).layers;
  if (layer === undefined) throw new Error("busybox has no layer");
  return join(engine.root, "images/blobs/sha256", hexOf(layer.descriptor.digest));
}

function draftsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith(".draft-"));
}
