import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { imageArchive } from "../../fixtures/image-archive.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { output } from "../helpers/command.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import {
  Layout,
  archive,
  busyboxLayout,
  dockerMembers,
  image,
  named,
} from "../helpers/image-layouts.ts";
import { busyboxArchive, busyboxWith, manyLayersArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

const OTHER = process.arch === "arm64" ? "amd64" : "arm64";
const layer = tarArchive([{ path: "menu", content: "feijoada\n" }]);

/** An archive of one small layer, unless other options say otherwise. */
const small = (options: Partial<Parameters<typeof imageArchive>[0]> = {}) =>
  imageArchive({ layers: [layer], name: "small:1", ...options });

describe.runIf(canRun)("load", () => {
  describe.each(["docker", "oci"] as const)("of a %s archive", (form) => {
    it.each([
      ["plain", (path: string) => path],
      ["gzip", (path: string) => compressed(path, "gzip")],
      ["zstd", (path: string) => compressed(path, "zstd")],
    ])("takes it %s from a path, a stream and a descriptor", async (_, compress) => {
      const engine = await testEngine();
      const path = await compress(busyboxArchive({ form, gzip: form === "oci" }));
      const file = await open(path);

      const loaded = [
        await engine.images.load(path),
        await engine.images.load(createReadStream(path)),
        await engine.images.load({ fd: file.fd }),
      ];

      await file.close();
      const { id, size } = await engine.images.get("busybox");
      expect(loaded).toEqual(Array.from({ length: 3 }, () => [{ id, names: ["busybox:latest"] }]));
      expect(size).toBeGreaterThan(1_000_000);
      await engine.close();
    });
  });

  it("takes an OCI layout directory", async () => {
    const engine = await testEngine();

    const [image] = await engine.images.load(await busyboxLayout());

    expect(image?.names).toEqual(["busybox:latest"]);
    expect(await leftIn(engine)).toEqual({ blobs: 3, layers: 1, drafts: 0 });
  });

  it("takes layers compressed with zstd", async (context) => {
    needProgram(context, "zstd");

    const blob = execFileSync("zstd", ["-q", "-c"], { input: layer });
    const layout = new Layout();
    const type = "application/vnd.oci.image.layer.v1.tar+zstd";
    const layers = [layout.blob(type, blob)];
    const line = layout.manifest(image([layer]), named("small:1"), { layers });
    const engine = await testEngine();

    await engine.images.load(await archive(layout.done([line])));

    const [only] = (await engine.images.get("small:1")).layers;
    expect(only?.descriptor.mediaType).toMatch(/\+zstd$/);
    expect(only?.diffId).toBe(digestOf(layer));
  });

  it("takes what skopeo wrote for Docker, links and all", async (context) => {
    needProgram(context, "skopeo");

    const target = join(await temporaryFolder(), "skopeo.tar");
    const from = `oci:${await busyboxLayout()}:busybox:latest`;
    output(["skopeo", "copy", "-q", from, `docker-archive:${target}:jpetazzo/clock:1`]);
    const engine = await testEngine();

    const [image] = await engine.images.load(target);

    expect(image?.names).toEqual(["jpetazzo/clock:1"]);
    expect(image?.id).toBe((await load(engine, busyboxArchive())).id);
  });

  it("takes an image of 127 layers, and refuses one of 128", async () => {
    const engine = await testEngine();

    await engine.images.load(manyLayersArchive(127));

    expect((await engine.images.get("layers:127")).layers).toHaveLength(127);
    await expect(engine.images.load(manyLayersArchive(128))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      details: { layers: 128, limit: 127 },
    });
  });

  it("shares the layers of images that share them", async () => {
    const engine = await testEngine();
    await engine.images.load(busyboxArchive());
    const over = busyboxWith({ name: "over:1", layers: [[{ path: "menu", content: "rice" }]] });

    await engine.images.load(over);

    expect(await leftIn(engine)).toEqual({ blobs: 6, layers: 2, drafts: 0 });
  });

  it("is done once, however many ask at the same time", async () => {
    const engine = await testEngine();
    await using second = await openEngine({ root: engine.root });
    await using third = await openEngine({ root: engine.root });

    const loaded = await Promise.all(
      [engine, engine, second, second, third].map((one) => load(one, busyboxArchive())),
    );

    expect(new Set(loaded.map(({ id }) => id)).size).toBe(1);
    expect(await leftIn(engine)).toEqual({ blobs: 3, layers: 1, drafts: 0 });
  });

  it("and removal at the same time leave the image whole or gone", async () => {
    const engine = await testEngine();
    await using other = await openEngine({ root: engine.root });
    for (let round = 0; round < 5; round++) {
      await load(engine, busyboxArchive());
      await Promise.all([load(engine, busyboxArchive()), other.images.remove("busybox")]);

      const image = await other.images.find("busybox");
      const left = await leftIn(engine);
      expect(left).toEqual(image ? { blobs: 3, layers: 1, drafts: 0 } : NOTHING);
    }
  });
});

describe.runIf(canRun)("a damaged archive", () => {
  const whole = small();
  const oci = small({ form: "oci", gzip: true });
  const at = (part: number, bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * part));

  it.each([
    ["cut short in a header", () => whole.subarray(0, 100)],
    ["cut short in a file", () => whole.subarray(0, 700)],
    ["cut short in the middle", () => at(0.5, whole)],
    ["an OCI layout cut short", () => at(0.7, oci)],
    ["cut short in its gzip", () => at(0.9, gzipSync(whole))],
    ["with a layer of other bytes", () => replaced(whole, "feijoada", "FEIJOADA")],
    ["with a blob of other bytes", () => replaced(small({ form: "oci" }), "feijoada", "FEIJOADA")],
    ["with garbage after its gzip", () => Buffer.concat([gzipSync(whole), Buffer.from("x")])],
    ["empty", () => Buffer.alloc(0)],
    ["of zeros", () => Buffer.alloc(10_240)],
    ["text", () => Buffer.from("not a tar ".repeat(200))],
  ])("%s is CORRUPT, from a file and from a stream, and nothing is left", async (_, make) => {
    const engine = await testEngine();
    const path = join(await temporaryFolder(), "archive.tar");
    await writeFile(path, make());

    await expect(engine.images.load(path)).rejects.toMatchObject({ code: "CORRUPT" });
    await expect(engine.images.load(createReadStream(path))).rejects.toMatchObject({
      code: "CORRUPT",
    });

    expect(await leftIn(engine)).toEqual(NOTHING);
    await engine.close();
  });

  it("whose layer is not what its config says is CORRUPT, and names both", async () => {
    const engine = await testEngine();
    const other = tarArchive([{ path: "menu", content: "pastel!!\n" }]);
    const lying = { ...image([other]), layers: [layer] };

    await expect(engine.images.load(await archive(dockerMembers([lying])))).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: digestOf(other), actual: digestOf(layer) },
    });

    expect(await leftIn(engine)).toEqual(NOTHING);
  });

  it("leaves what was there before as it was", async () => {
    const engine = await testEngine();
    await engine.images.load(busyboxArchive());
    const before = await leftIn(engine);
    const bytes = readFileSync(busyboxWith({ name: "over:2", layers: [[{ path: "a" }]] }));

    await expect(engine.images.load(Readable.from([at(0.9, bytes)]))).rejects.toMatchObject({
      code: "CORRUPT",
    });

    expect(await leftIn(engine)).toEqual(before);
  });

  it("for another architecture is refused, naming both, unless it is asked for", async () => {
    const engine = await testEngine();
    const archive = () => Readable.from([small({ architecture: OTHER })]);

    await expect(engine.images.load(archive())).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(
        new RegExp(`^small:1 is for linux/${OTHER}; this machine is linux/`),
      ),
    });
    expect(await leftIn(engine)).toEqual(NOTHING);

    await engine.images.load(archive(), { platform: `linux/${OTHER}` });
    expect((await engine.images.get("small:1")).config.architecture).toBe(OTHER);
  });

  it("compressed in another way is refused by name", async (context) => {
    needProgram(context, "xz");

    const engine = await testEngine();
    const xz = execFileSync("xz", ["-c"], { input: whole });

    await expect(engine.images.load(Readable.from([xz]))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("xz"),
      hint: expect.stringContaining("xz -dc"),
    });
  });
});

describe.runIf(canRun)("a stream", () => {
  it("that breaks says why, and leaves nothing", async () => {
    const engine = await testEngine();
    const bytes = small();
    async function* breaking() {
      yield bytes.subarray(0, 700);
      throw new Error("connection reset");
    }

    await expect(engine.images.load(Readable.from(breaking()))).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("connection reset"),
    });

    expect(await leftIn(engine)).toEqual(NOTHING);
  });

  it("that never ends is let go of when the load is aborted", async () => {
    const engine = await testEngine();
    const stream = new PassThrough();
    stream.write(small().subarray(0, 700));
    const abort = new AbortController();

    const loading = engine.images.load(stream, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error("enough")));

    await expect(loading).rejects.toMatchObject({ name: "AbortError" });
    expect(stream.destroyed).toBe(true);
    expect(await leftIn(engine)).toEqual(NOTHING);
  });

  it("that never ends is let go of when what it brings is no tar", async () => {
    const engine = await testEngine();
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536, "x"));
      },
    });

    await expect(engine.images.load(endless)).rejects.toMatchObject({ code: "CORRUPT" });

    expect(endless.destroyed).toBe(true);
  });

  it("that had ended before is not waited for", async () => {
    const engine = await testEngine();
    const stream = Readable.from([]);
    stream.resume();
    await new Promise((resolve) => stream.once("close", resolve));

    await expect(engine.images.load(stream)).rejects.toMatchObject({
      name: "MarmitaError",
      code: expect.stringMatching(/CORRUPT|UNAVAILABLE/),
    });
  });
});

const NOTHING = { blobs: 0, layers: 0, drafts: 0 };

/** What is on disk of images and layers. */
async function leftIn(engine: Engine): Promise<typeof NOTHING> {
  const names = async (folder: string) => {
    const path = join(engine.root, folder);
    return existsSync(path) ? readdir(path) : [];
  };
  const isDraft = (name: string) => name.startsWith(".draft-");
  const layers = await names("layers");
  const drafts = [...layers, ...(await names("images")), ...(await names("images/blobs"))];
  return {
    blobs: (await names("images/blobs/sha256")).length,
    layers: layers.filter((name) => !isDraft(name)).length,
    drafts: drafts.filter(isDraft).length,
  };
}

async function load(engine: Engine, path: string) {
  const [image] = await engine.images.load(path);
  if (image === undefined) throw new Error("no image in the archive");
  return image;
}

async function compressed(path: string, program: string): Promise<string> {
  const target = join(await temporaryFolder(), "archive");
  await writeFile(target, execFileSync(program, ["-c", "-q", path], { maxBuffer: 2 ** 28 }));
  return target;
}

/** The same bytes but for the first `from`, which becomes `to`, of the same length. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(from);
  if (at < 0) throw new Error(`no ${from} in the archive`);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(to), bytes.subarray(at + from.length)]);
}
