import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { addImages } from "../../../lib/images/add.ts";
import { collectGarbage } from "../../../lib/images/garbage.ts";
import { type Digest, chainIds, digestOf } from "../../../lib/oci/digest.ts";
import { lock, tryOnce } from "../../../lib/store/lock.ts";
import { archive, dockerMembers, image } from "../../helpers/image-layouts.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const lunch = image(["bottom", "lunch"]);

let store: FakeStore;

beforeEach(async () => {
  store = await fakeStore();
  await store.library.load(await archive(dockerMembers([{ ...lunch, tags: ["lunch:1"] }])));
});

async function blob(bytes: string): Promise<Digest> {
  const path = store.blobs.path(digestOf(bytes));
  await writeFile(path, bytes);
  return digestOf(bytes);
}

async function layer(diffIds: readonly string[]): Promise<Digest> {
  const chainId = chainIds(diffIds.map((id) => digestOf(id))).at(-1) ?? digestOf("none");
  await mkdir(store.paths.layer(chainId), { recursive: true });
  return chainId;
}

describe("garbage", () => {
  it("is what no image leads to: blobs, layers, drafts, and nothing else", async () => {
    const before = await contentsOf(store);
    const digest = await blob("lost");
    const chainId = await layer(["lost"]);
    await writeFile(join(store.paths.images, ".draft-index"), "{");
    await mkdir(join(store.paths.images, ".gone-before"));

    const taken = await collectGarbage(store);

    expect(taken).toEqual({ blobs: [digest], layers: [chainId], bytes: 4 + 100 });
    expect(await contentsOf(store)).toEqual(before);
    expect((await store.library.get("lunch:1")).layers).toHaveLength(2);
  });

  it("is not what a container lies over, nor the config of its image", async () => {
    const config = JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [digestOf("mounted")] },
    });
    const id = await blob(config);
    const layers = [await layer(["made of"])];
    const mounted = await layer(["mounted"]);
    store.users.containers.push({ id: "1", name: "box", images: [id], layers });

    expect(await collectGarbage(store)).toMatchObject({ blobs: [], layers: [] });

    store.users.containers.length = 0;
    expect((await collectGarbage(store)).layers.toSorted()).toEqual(
      [...layers, mounted].toSorted(),
    );
  });

  it("is no layer at all while the record of a container cannot be read", async () => {
    const lost = await layer(["lost"]);
    store.users.containers.push({ id: "1", name: "box", images: [], layers: undefined });

    expect((await collectGarbage(store)).layers).toEqual([]);

    store.users.containers.length = 0;
    expect((await collectGarbage(store)).layers).toEqual([lost]);
  });

  it("is nothing that another tool's documents mention", async () => {
    const mentioned = await blob("mentioned");
    const artifact = await blob(JSON.stringify({ schemaVersion: 2, subject: mentioned }));
    const bytes = JSON.stringify({
      schemaVersion: 2,
      manifests: [
        { mediaType: "application/x-artifact", digest: artifact, size: 1 },
        { strange: await blob("of a line that makes no sense") },
      ],
    });
    await writeFile(store.paths.index, bytes);

    const { blobs } = await collectGarbage(store);

    expect(blobs).not.toContain(mentioned);
    expect(await store.blobs.has(digestOf("of a line that makes no sense"))).toBe(true);
    expect(blobs).toContain(digestOf("lunch"));
  });

  it("is left alone while it cannot be told what is in use", async () => {
    const lost = await blob("lost");
    await writeFile(store.paths.index, "{");

    await expect(collectGarbage(store)).rejects.toMatchObject({ code: "CORRUPT" });

    expect(await store.blobs.has(lost)).toBe(true);
  });

  it("waits for whoever adds images, and looks again", async () => {
    const digest = await blob("about to be needed");
    const adding = await lock(store.paths.lock("images"), { mode: "shared" });

    const collecting = collectGarbage(store);
    await vi.waitFor(
      async () =>
        expect(await tryOnce(`${store.paths.lock("images")}-gate`, "exclusive")).toBeUndefined(),
      4_000,
    );
    const mediaType = "application/x-foreign";
    await store.references.set({ name: "new:1", descriptor: { mediaType, digest, size: 18 } });
    adding[Symbol.dispose]();

    expect((await collecting).blobs).toEqual([]);
    expect(await store.blobs.has(digest)).toBe(true);
  });

  it("may be left until it has a certain age", async () => {
    const digest = await blob("young");
    await utimes(store.blobs.path(digest), 0, 0);

    expect((await collectGarbage(store, { graceMs: 60_000 })).blobs).toEqual([]);
    expect((await collectGarbage(store)).blobs).toEqual([digest]);
  });

  it("is not the draft of an image that is being made", async () => {
    await addImages(store, {}, async ({ draft }) => {
      await writeFile(join(draft, "member"), "x");

      await collectGarbage(store);
      await store.library.remove("lunch:1");
      await store.library.load(await archive(dockerMembers([{ ...lunch, tags: ["lunch:1"] }])));

      expect(await readdir(draft)).toEqual(["member"]);
    });
    expect((await readdir(store.paths.images)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
