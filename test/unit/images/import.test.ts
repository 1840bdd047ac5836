import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { tarArchive } from "../../../fixtures/tar-writer.mjs";
import { digestOf } from "../../../lib/oci/digest.ts";
import { hostPlatform } from "../../../lib/oci/platform.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const tar = tarArchive([{ path: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\n" }]);

describe("importRootfs", () => {
  let store: FakeStore;
  let path: string;

  beforeEach(async () => {
    store = await fakeStore();
    path = join(await temporaryFolder(), "rootfs.tar");
    await writeFile(path, tar);
  });

  it("makes an image of one layer, with the changes asked for", async () => {
    const { id, names } = await store.library.importRootfs(path, "mine", {
      changes: ['CMD ["sh"]', "ENV A=1", "EXPOSE 80"],
      message: "made by hand",
    });

    const image = await store.library.get("mine");
    expect(names).toEqual(["mine:latest"]);
    expect(image.id).toBe(id);
    expect(image.layers.map(({ diffId }) => diffId)).toEqual([digestOf(tar)]);
    expect(image.config).toMatchObject({
      ...hostPlatform(),
      config: { Cmd: ["sh"], Env: ["A=1"], ExposedPorts: { "80/tcp": {} } },
      rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
      history: [{ comment: "made by hand" }],
    });
    expect(Date.parse(image.created ?? "")).toBeGreaterThan(Date.now() - 60_000);
  });

  it("keeps a compressed tar as it is, under the diff id of what is in it", async () => {
    const gzipped = gzipSync(tar);
    await writeFile(path, gzipped);

    await store.library.importRootfs(path, "mine");

    const [layer] = (await store.library.get("mine")).layers;
    expect(layer?.diffId).toBe(digestOf(tar));
    expect(layer?.descriptor).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOf(gzipped),
      size: gzipped.length,
    });
  });

  it("makes an image without a name, when there is none", async () => {
    const { id, names } = await store.library.importRootfs(path);

    expect(names).toEqual([]);
    expect((await store.library.get(id)).config.history).toEqual([
      { created: expect.any(String), comment: "Imported from -" },
    ]);
  });

  it("makes an image for another platform, when that is asked for", async () => {
    await store.library.importRootfs(path, "arm", { platform: "linux/arm/v6" });

    expect((await store.library.get("arm")).config).toMatchObject({
      architecture: "arm",
      variant: "v6",
    });
  });

  it.each([
    ["a reserved name", "scratch", {}],
    ["a name that is none", "Mine", {}],
    ["a change that is none", "mine", { changes: ["RUN true"] }],
    ["a platform that is none", "mine", { platform: "amd64 " }],
  ])("refuses %s before it reads anything", async (_, name, options) => {
    await expect(store.library.importRootfs("/no/such", name, options)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it.each([
    ["a file that is not there", "/no/such", "NOT_FOUND"],
    ["a directory", "/", "INVALID_ARGUMENT"],
    ["a file with nothing in it", "/dev/null", "CORRUPT"],
  ])("refuses %s and leaves nothing", async (_, source, code) => {
    await expect(store.library.importRootfs(source, "mine")).rejects.toMatchObject({ code });
    expect(await contentsOf(store)).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5])("leaves nothing when write %i fails", async (failAt) => {
    store.faults.failAt = failAt;

    await expect(store.library.importRootfs(path, "mine")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOSPC",
    });
    expect(await contentsOf(store)).toEqual([]);
    expect(store.faults.writes).toBe(failAt);
  });
});
