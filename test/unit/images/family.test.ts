/** Removing images of one family: what was made from what, and what is left of it. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Digest, digestOf } from "../../../lib/oci/digest.ts";
import { archive, dockerMembers, image } from "../../helpers/image-layouts.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

/** An image of these steps, each a layer with its line of history. */
function made(...steps: readonly string[]) {
  return image(steps, { history: steps.map((created_by) => ({ created_by })) });
}

const base = made("base");
const middle = made("base", "middle");
const top = made("base", "middle", "top");
const other = made("base", "other");
const idOf = ({ config }: { readonly config: string }): Digest => digestOf(config);

let store: FakeStore;

beforeEach(async () => {
  store = await fakeStore();
});

async function load(images: Readonly<Record<string, ReturnType<typeof made>>>): Promise<void> {
  const tagged = Object.entries(images).map(([name, one]) => ({
    ...one,
    tags: name.startsWith("<none>") ? [] : [`${name}:latest`],
  }));
  await store.library.load(await archive(dockerMembers(tagged)));
}

async function left(): Promise<readonly string[]> {
  const images = await store.library.list();
  return images.map(({ names }) => names[0] ?? "<none>").toSorted();
}

describe("an image that others were made from", () => {
  it("loses its last name and stays, and goes with the last of them", async () => {
    await load({ base, top });

    expect(await store.library.remove("base")).toEqual({ untagged: ["base:latest"], deleted: [] });
    expect(await left()).toEqual(["<none>", "top:latest"]);
    const { deleted } = await store.library.remove("top");

    expect(deleted).toHaveLength(1 + 3 + 1);
    expect([deleted[0], deleted[4]]).toEqual([idOf(top), idOf(base)]);
    expect(await contentsOf(store)).toEqual([]);
  });

  it("cannot be removed by its id, forced or not", async () => {
    await load({ base, top });

    for (const force of [false, true]) {
      await expect(store.library.remove(idOf(base), { force })).rejects.toMatchObject({
        code: "CONFLICT",
        message: expect.stringMatching(/\(cannot be forced\) - image has dependent child images$/),
        details: { children: [idOf(top)] },
      });
    }
    expect(await left()).toEqual(["base:latest", "top:latest"]);
  });

  it.each([
    ["it has a name", { base, top }, {}, ["base:latest"]],
    ["another was made from it", { "<none>": base, top, other }, {}, ["<none>", "other:latest"]],
    ["nobody asked for that", { "<none>": base, top }, { prune: false }, ["<none>"]],
  ])("stays when %s", async (_, images, options, expected) => {
    await load(images);

    await store.library.remove("top", options);

    expect(await left()).toEqual(expected);
  });

  it("stays when a container needs it, and so does what it was made from", async () => {
    await load({ "<none>1": base, "<none>2": middle, top });
    store.users.containers.push({ id: "1", name: "box", images: [idOf(middle)], layers: [] });

    await store.library.remove("top");

    expect(await left()).toEqual(["<none>", "<none>"]);
  });
});

describe("pruning", () => {
  it("takes images without a name, and those without one that they were made from", async () => {
    await load({ "<none>1": base, "<none>2": middle, "<none>3": top, other });

    const { images, reclaimedBytes } = await store.library.prune();

    expect(images.map(({ deleted }) => deleted[0])).toEqual([idOf(top), idOf(middle)]);
    expect(reclaimedBytes).toBeGreaterThan(0);
    expect(await left()).toEqual(["<none>", "other:latest"]);
  });

  it("takes all that no container needs, where asked for", async () => {
    await load({ base, middle, top, other });
    store.users.containers.push({ id: "1", name: "box", images: [idOf(middle)], layers: [] });

    const { images } = await store.library.prune({ all: true });

    expect(images.flatMap(({ untagged }) => untagged).toSorted()).toEqual([
      "base:latest",
      "other:latest",
      "top:latest",
    ]);
    expect(await left()).toEqual(["<none>", "middle:latest"]);
  });

  it("takes only what may go", async () => {
    await load({ base: made("one"), other: made("two") });
    const id = idOf(made("one"));

    await store.library.prune({ all: true, may: (image) => image.id === id });

    expect(await left()).toEqual(["other:latest"]);
  });

  it("leaves an empty store of images that nobody needs", async () => {
    await load({ base, middle, "<none>": top });

    await store.library.prune({ all: true });

    expect(await contentsOf(store)).toEqual([]);
  });
});

describe("usage", () => {
  it("counts what images share once, and what nothing leads to apart", async () => {
    await load({ top, other });
    store.users.containers.push({ id: "1", name: "box", images: [idOf(other)], layers: [] });
    const { bytes, reclaimableBytes, items, garbage } = await store.library.usage();

    expect(
      items.map(({ names, bytes: size, sharedBytes }) => [names[0], size, sharedBytes]),
    ).toEqual([
      ["top:latest", 300, 100],
      ["other:latest", 200, 100],
    ]);
    expect(items.map(({ containers }) => containers)).toEqual([0, 1]);
    expect(bytes - 400).toBeGreaterThan("basemiddletopother".length);
    expect(reclaimableBytes).toBeGreaterThan(200);
    expect(reclaimableBytes).toBeLessThan(bytes - 200);
    expect(garbage).toEqual({ count: 0, bytes: 0 });

    await store.references.forget((await store.library.get("top")).digest);
    // Its manifest, its config, two layers' blobs and the layers.
    expect((await store.library.usage()).garbage.count).toBe(4 + 2);
  });
});
