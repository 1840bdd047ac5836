import { describe, expect, it, vi } from "vitest";
import { archive, dockerMembers, image } from "../../helpers/image-layouts.ts";
import { contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const busybox = image(["bottom", "top"]);
const second = image(["bottom", "other top"]);

describe("a disk that fills up while an image is loaded", () => {
  const members = dockerMembers([
    { ...busybox, tags: ["busybox:latest"] },
    { ...second, tags: ["second:latest"] },
  ]);

  // Three blobs of layers, two configs, two manifests, four layers to unpack, the names.
  const WRITES = 12;

  it.each(Array.from({ length: WRITES }, (_, at) => at + 1))(
    "at write %i leaves nothing of them",
    async (failAt) => {
      const store = await fakeStore();
      store.faults.failAt = failAt;

      await expect(store.library.load(await archive(members))).rejects.toMatchObject({
        code: "UNAVAILABLE",
        errno: "ENOSPC",
        hint: expect.stringContaining("full"),
      });

      expect(await store.library.list()).toEqual([]);
      expect(await contentsOf(store)).toEqual([]);
    },
  );

  it.each(Array.from({ length: 8 }, (_, at) => at + 1))(
    "at write %i leaves what was there before whole",
    async (failAt) => {
      const store = await fakeStore();
      await store.library.load(await archive(dockerMembers([{ ...busybox, tags: ["first"] }])));
      const before = await contentsOf(store);
      store.faults.writes = 0;
      store.faults.failAt = failAt;

      await expect(store.library.load(await archive(members))).rejects.toMatchObject({
        errno: "ENOSPC",
      });
      expect(await contentsOf(store)).toEqual(expect.arrayContaining([...before]));
      expect((await store.library.get("first")).layers).toHaveLength(2);
    },
  );

  it("happens at one of these writes", async () => {
    const store = await fakeStore();

    await store.library.load(await archive(members));

    expect(store.faults.writes).toBe(WRITES);
  });
});
