import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { tarArchive } from "../../../fixtures/tar-writer.mjs";
import type { CommittedLayer, NewCommit } from "../../../lib/images/commit.ts";
import { isChildOf } from "../../../lib/images/parent.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { hostPlatform } from "../../../lib/oci/platform.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const LAYER = "what is in a layer";
const EPOCH = 1_700_000_000;

describe("commitImage", () => {
  let store: FakeStore;

  beforeEach(async () => {
    store = await fakeStore();
    const path = join(await temporaryFolder(), "rootfs.tar");
    await writeFile(path, tarArchive([{ path: "etc/passwd", content: "root\n" }]));
    await store.library.importRootfs(path, "base");
  });

  /** `entries`: how many each layer has. `texts`: what is in the layers. */
  async function commit(
    options: Partial<NewCommit> & {
      readonly entries?: number;
      readonly texts?: readonly string[];
    } = {},
  ) {
    const { entries = 1, texts = [LAYER], ...rest } = options;
    const base = await store.library.get("base");
    const pack = async (outputs: (level: number) => string): Promise<readonly CommittedLayer[]> => {
      const written = texts.map(async (text, level) => {
        const file = outputs(level);
        await writeFile(file, text);
        const digest = digestOf(text);
        return { file, digest, size: text.length, diffId: digest, diffSize: text.length, entries };
      });
      return Promise.all(written);
    };
    const defaults = { Cmd: ["sh"], Labels: { a: "1" } };
    const prepare = async () => ({ base, defaults, createdBy: "sh -c true", pack });
    return store.library.commit({ compression: "gzip", prepare, ...rest });
  }

  it("puts one layer and a line of history on the base", async () => {
    const base = await store.library.get("base");

    const { id, digest, names } = await commit({
      name: "mine:1",
      author: "Ana",
      message: "a change",
      epoch: EPOCH,
    });

    const image = await store.library.get("mine:1");
    expect(names).toEqual(["mine:1"]);
    expect({ id, digest }).toEqual({ id: image.id, digest: image.digest });
    expect(image.config).toEqual({
      created: "2023-11-14T22:13:20Z",
      author: "Ana",
      ...hostPlatform(),
      config: { Cmd: ["sh"], Labels: { a: "1" } },
      rootfs: { type: "layers", diff_ids: [...base.config.rootfs.diff_ids, digestOf(LAYER)] },
      history: [
        ...base.config.history,
        {
          created: "2023-11-14T22:13:20Z",
          created_by: "sh -c true",
          author: "Ana",
          comment: "a change",
        },
      ],
    });
    expect(image.layers.at(-1)?.descriptor).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOf(LAYER),
      size: LAYER.length,
    });
    expect(isChildOf(image.config, base.config)).toBe(true);
  });

  it("leaves the base as it was", async () => {
    const before = await store.library.get("base");

    await commit({ name: "mine" });

    expect(await store.library.get("base")).toEqual(before);
  });

  it("makes an image without a name, when there is none", async () => {
    const { id, names } = await commit();

    expect(names).toEqual([]);
    expect((await store.library.get(id)).names).toEqual([]);
  });

  it("takes the name from the image that had it, which stays", async () => {
    const { id } = await store.library.get("base");

    await commit({ name: "base" });

    expect((await store.library.get("base")).id).not.toBe(id);
    expect((await store.library.get(id)).names).toEqual([]);
  });

  it("puts as many layers on the base as there are, and a line of history for each", async () => {
    const base = await store.library.get("base");

    const { id } = await commit({ texts: ["lower", "upper"], message: "both" });

    const { config, layers } = await store.library.get(id);
    expect(config.rootfs.diff_ids.slice(-2)).toEqual([digestOf("lower"), digestOf("upper")]);
    expect(layers.slice(-2).map(({ descriptor }) => descriptor.digest)).toEqual([
      digestOf("lower"),
      digestOf("upper"),
    ]);
    const lines = config.history.slice(base.config.history.length);
    expect(lines.map(({ comment }) => comment)).toEqual(["before a fork", "both"]);
  });

  it("makes no layer where nothing has changed, but a line of history", async () => {
    const base = await store.library.get("base");

    const { id } = await commit({ entries: 0 });

    const image = await store.library.get(id);
    expect(image.layers).toEqual(base.layers);
    expect(image.config.history.at(-1)).toMatchObject({ empty_layer: true });
    expect(isChildOf(image.config, base.config)).toBe(true);
  });

  it("makes the same image of the same content at the same time", async () => {
    const first = await commit({ epoch: EPOCH, name: "one" });
    const second = await commit({ epoch: EPOCH, name: "two" });

    expect(second.id).toBe(first.id);
    expect(second.digest).toBe(first.digest);
    expect((await store.library.get("one")).names).toEqual(["one:latest", "two:latest"]);
  });

  it.each(["none", "gzip", "zstd"] as const)("tells the compression: %s", async (compression) => {
    const { id } = await commit({ compression });

    const suffix = compression === "none" ? "" : `+${compression}`;
    const [, layer] = (await store.library.get(id)).layers;
    expect(layer?.descriptor.mediaType).toBe(`application/vnd.oci.image.layer.v1.tar${suffix}`);
  });

  it.each([
    ["a reserved name", "scratch"],
    ["a name that is none", "Mine"],
    ["a digest", `mine@${digestOf("")}`],
  ])("refuses %s before anything is packed", async (_what, name) => {
    const prepare = vi.fn<NewCommit["prepare"]>();

    await expect(commit({ name, prepare })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });

    expect(prepare).not.toHaveBeenCalled();
  });

  it("leaves nothing when any of its writes fails", async () => {
    const before = await contentsOf(store);
    store.faults.writes = 0;
    await commit({ name: "all", epoch: EPOCH });
    const { writes } = store.faults;
    await store.library.remove("all");
    expect(await contentsOf(store)).toEqual(before);

    for (let at = 1; at <= writes; at++) {
      store.faults.writes = 0;
      store.faults.failAt = at;
      await expect(commit({ name: "mine", epoch: EPOCH })).rejects.toMatchObject({
        code: "UNAVAILABLE",
        errno: "ENOSPC",
      });
      store.faults.failAt = Infinity;
      expect(await contentsOf(store), `after a failure of write ${at}`).toEqual(before);
    }
    expect(writes).toBeGreaterThan(3);
  });

  it("leaves nothing when packing fails", async () => {
    const before = await contentsOf(store);
    const base = await store.library.get("base");
    const pack = () => Promise.reject(new Error("no"));
    const prepare = async () => ({ base, defaults: {}, createdBy: "", pack });

    await expect(commit({ prepare })).rejects.toThrow("no");

    expect(await contentsOf(store)).toEqual(before);
  });
});
