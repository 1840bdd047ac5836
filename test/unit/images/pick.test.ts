import { beforeEach, describe, expect, it, vi } from "vitest";
import { pickImages } from "../../../lib/images/pick.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import { hostPlatform } from "../../../lib/oci/platform.ts";
import { Layout, archive, dockerMembers, image } from "../../helpers/image-layouts.ts";
import { type FakeStore, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const old = image(["bottom", "old"]);
const young = image(["bottom", "young"]);
const OLD = digestOf(old.config);
const YOUNG = digestOf(young.config);

let store: FakeStore;

beforeEach(async () => {
  store = await fakeStore();
  const members = dockerMembers([
    { ...old, tags: ["lunch:1", "lunch:old", "registry.example.com:5000/private/lunch:1"] },
    { ...young, tags: ["lunch:latest", "dinner:latest"] },
  ]);
  await store.library.load(await archive(members));
});

/** Id and names of what `asked` means. */
async function picked(asked: readonly string[], platform?: string) {
  const wanted = platform === undefined ? undefined : hostPlatform(platform);
  const images = await pickImages(store, store.library, { asked, platform: wanted });
  return images.map(({ content, names }) => ({ id: content.id, names }));
}

describe("what is saved", () => {
  it.each([
    ["a name with a tag, under that one", ["lunch:1"], [{ id: OLD, names: ["lunch:1"] }]],
    [
      "a name without a tag, all of that name",
      ["lunch"],
      [
        { id: OLD, names: ["lunch:1", "lunch:old"] },
        { id: YOUNG, names: ["lunch:latest"] },
      ],
    ],
    ["an id, without its names", [OLD], [{ id: OLD, names: [] }]],
    ["the start of an id", [OLD.slice(7, 19)], [{ id: OLD, names: [] }]],
    [
      "the same twice, once",
      ["lunch:old", OLD, "docker.io/library/lunch:1", "lunch:old"],
      [{ id: OLD, names: ["lunch:old", "lunch:1"] }],
    ],
    [
      "several, in their order",
      ["dinner", "registry.example.com:5000/private/lunch:1"],
      [
        { id: YOUNG, names: ["dinner:latest"] },
        { id: OLD, names: ["registry.example.com:5000/private/lunch:1"] },
      ],
    ],
  ])("is %s", async (_, asked, expected) => {
    expect(await picked(asked)).toEqual(expected);
  });

  it("by its digest has no name", async () => {
    const { digest } = await store.library.get("dinner");

    expect(await picked([`dinner@${digest}`])).toEqual([{ id: YOUNG, names: [] }]);
  });

  it.each([["supper"], ["lunch:2"], ["feed"], [`sha256:${"0".repeat(64)}`]])(
    "is nothing when %s is not there, whatever else is",
    async (name) => {
      await expect(picked(["lunch", name])).rejects.toMatchObject({
        code: "NOT_FOUND",
        details: { image: name },
      });
    },
  );

  it.each([
    ["no name", []],
    ["what is no name", ["Lunch"]],
    ["a reserved name", ["host"]],
  ])("is refused with %s", async (_, asked) => {
    await expect(picked(asked)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is for the platform asked for, or refused", async () => {
    expect(await picked(["dinner"], process.arch)).toHaveLength(1);
    await expect(picked(["dinner"], "s390x")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("of an index is the image for that platform", async () => {
    const layout = new Layout();
    const foreign = image(["foreign"], { architecture: "s390x" });
    const platform = (architecture: string) => ({ platform: { os: "linux", architecture } });
    const index = layout.index([
      layout.manifest(image(["own"]), platform(hostPlatform().architecture)),
      layout.manifest(foreign, platform("s390x")),
    ]);
    for (const [name, content] of Object.entries(layout.members)) {
      const isBlob = name.startsWith("blobs/") && typeof content === "string";
      if (isBlob) await store.blobs.writeBytes(Buffer.from(content));
    }
    await store.references.set({ name: "both:latest", descriptor: index });

    expect(await picked(["both"], "s390x")).toEqual([
      { id: digestOf(foreign.config), names: ["both:latest"] },
    ]);
  });
});
