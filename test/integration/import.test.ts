import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("import", () => {
  const tar = busyboxLayer();
  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
  });

  it("makes an image that runs with the changes asked for", async () => {
    const changes = [
      'ENTRYPOINT ["/bin/sh", "-c"]',
      'CMD ["echo $DISH in $PWD as $(id -un)"]',
      "ENV PATH=/bin DISH=feijoada",
      "WORKDIR /srv/lunch",
      "USER 0:0",
    ];

    const { id } = await engine.images.import(Readable.from([tar]), "kitchen", { changes });
    const { stdout } = await run("kitchen", undefined, { engine, remove: true });

    expect((await engine.images.get("kitchen")).id).toBe(id);
    expect(stdout).toBe("feijoada in /srv/lunch as root\n");
  });

  it("takes the tar compressed with gzip", async () => {
    const path = join(await temporaryFolder(), "rootfs.tar.gz");
    await writeFile(path, gzipSync(tar));

    await engine.images.import(path, "gzipped");

    const image = await engine.images.get("gzipped");
    expect(image.layers.map(({ diffId }) => diffId)).toEqual([digestOf(tar)]);
    expect(image.size).toBe(tar.length);
  });

  it("takes the tar compressed with zstd, as a stream", async (context) => {
    needProgram(context, "zstd");

    const path = join(await temporaryFolder(), "rootfs.tar.zst");
    await writeFile(path, execFileSync("zstd", ["-q", "-c"], { input: tar, maxBuffer: 2 ** 28 }));

    await engine.images.import(createReadStream(path), "zstandard");

    const { stdout } = await run("zstandard", ["/bin/echo", "oi"], { engine, remove: true });
    expect(stdout).toBe("oi\n");
  });

  it.each([
    ["cut short", () => tar.subarray(0, 5_000)],
    ["text", () => Buffer.from("not a tar ".repeat(200))],
    ["empty", () => Buffer.alloc(0)],
    ["cut short in its gzip", () => gzipSync(tar).subarray(0, 5_000)],
  ])("of a tar that is %s is CORRUPT, and makes no image", async (_, make) => {
    const before = await engine.images.list();

    await expect(engine.images.import(Readable.from([make()]), "broken")).rejects.toMatchObject({
      code: "CORRUPT",
    });

    expect(await engine.images.find("broken")).toBeUndefined();
    expect(await engine.images.list()).toEqual(before);
  });

  it.each(["scratch", "host"])("refuses the reserved name %s", async (name) => {
    await expect(engine.images.import(Readable.from([tar]), name)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("reserved"),
    });
  });
});
