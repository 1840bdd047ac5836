import { rm, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ImageLibrary } from "../../../lib/images/library.ts";
import { type Digest, digestOf } from "../../../lib/oci/digest.ts";
import { FileBlobStore } from "../../../lib/store/blobs.ts";
import { Layout, archive, dockerMembers, image, named } from "../../helpers/image-layouts.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const old = image(["bottom", "old"], { created: "2020-01-01T00:00:00Z" });
const young = image(["bottom", "young"], { created: "2024-01-01T00:00:00Z" });
const ID = digestOf(old.config);

let store: FakeStore;

beforeEach(async () => {
  store = await fakeStore();
  const members = dockerMembers([
    { ...old, tags: ["lunch:1", "lunch:latest", "registry.example.com:5000/private/lunch:1"] },
    { ...young, tags: ["dinner:latest"] },
  ]);
  await store.library.load(await archive(members));
});

/** Blobs of an image that is gone in the moment when its manifest is read. */
function removing(digest: Digest): FileBlobStore {
  return new (class extends FileBlobStore {
    override async read(...args: Parameters<FileBlobStore["read"]>): Promise<Buffer> {
      await store.references.forget(digest);
      await this.delete(args[0]);
      return super.read(...args);
    }
  })(store.paths.blobs);
}

/** Containers made of `young`. */
function use(...running: boolean[]): void {
  for (const [at, isRunning] of running.entries()) {
    const images = [digestOf(young.config)];
    store.users.containers.push({ id: `${at}`, name: `box${at}`, images, layers: [], isRunning });
  }
}

describe("an image", () => {
  it.each([
    ["its name", "lunch"],
    ["its name and tag", "lunch:1"],
    ["its whole name", "docker.io/library/lunch:1"],
    ["its registry's name", "registry.example.com:5000/private/lunch:1"],
    ["its id", ID],
    ["its id without the algorithm", ID.slice(7)],
    ["the start of its id", ID.slice(7, 19)],
    ["the start with the algorithm", ID.slice(0, 19)],
  ])("is found by %s", async (_, name) => {
    expect((await store.library.get(name)).id).toBe(ID);
  });

  it("is found by the digest of its manifest, with its name or alone", async () => {
    const { digest } = await store.library.get("lunch");

    expect((await store.library.get(digest)).id).toBe(ID);
    expect((await store.library.get(`lunch@${digest}`)).id).toBe(ID);
    expect(await store.library.find(`dinner@${digest}`)).toBeUndefined();
  });

  it("tells its names, size and age", async () => {
    expect(await store.library.get(ID)).toMatchObject({
      names: ["lunch:1", "lunch:latest", "registry.example.com:5000/private/lunch:1"],
      size: 200,
      created: "2020-01-01T00:00:00Z",
    });
  });

  it("that is not there is NOT_FOUND, under the name it would have", async () => {
    await expect(store.library.get("supper")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no such image: supper:latest",
    });
    await expect(store.library.get(digestOf("x"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await store.library.find("supper")).toBeUndefined();
  });

  it("that somebody else removes while it is looked for is not there", async () => {
    const { digest } = await store.library.get("dinner");
    const other = new ImageLibrary({ ...store, blobs: removing(digest) });

    expect(await other.find("dinner")).toBeUndefined();
  });

  it.each(["host", "scratch", "scratch:1"])(
    "is never found by the reserved name %s",
    async (name) => {
      await expect(store.library.get(name)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("reserved"),
      });
    },
  );

  it.each(["Lunch", "a b", "", "../x"])("is not looked for under %j", async (name) => {
    await expect(store.library.get(name)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is not guessed from the start of several ids", async () => {
    const made = Array.from({ length: 17 }, (_, at) => image([`layer ${at}`]));
    await store.library.load(await archive(dockerMembers(made)));
    const digits = made.map(({ config }) => digestOf(config).charAt(7));
    const twice = digits.find((digit, at) => digits.indexOf(digit) !== at) ?? "";

    await expect(store.library.get(twice)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/is the start of \d+ image ids/),
    });
  });

  it("by name comes before one by id", async () => {
    const start = digestOf(young.config).slice(7, 19);
    await store.library.tag("lunch", start);

    expect((await store.library.get(start)).id).toBe(ID);
  });
});

describe("the list of images", () => {
  it("has the newest first, each image once", async () => {
    const images = await store.library.list();

    expect(images.map(({ id }) => id)).toEqual([digestOf(young.config), ID]);
  });

  it("leaves out what is damaged", async () => {
    await rm(store.blobs.path(digestOf(old.config)));

    expect((await store.library.list()).map(({ names }) => names)).toEqual([["dinner:latest"]]);
    await expect(store.library.get("lunch")).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining("is missing"),
    });
  });

  it("has an image once, though its layers are there in two forms", async () => {
    const layout = new Layout();
    const line = layout.manifest(old, named("other:1"), { annotations: { form: "2" } });
    await store.library.load(await archive(layout.done([line])));

    const found = (await store.library.list()).find(({ id }) => id === ID);

    expect(found?.names).toHaveLength(4);
  });
});

describe("tag", () => {
  it("gives one more name, and takes it from another image", async () => {
    await store.library.tag("lunch", "dinner");

    expect((await store.library.get("dinner")).id).toBe(ID);
    expect((await store.library.get(digestOf(young.config))).names).toEqual([]);
  });

  it.each(["host", "scratch:1", "Upper", `a@${digestOf("x")}`])(
    "refuses the name %s",
    async (name) => {
      await expect(store.library.tag("lunch", name)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    },
  );

  it("says NOT_FOUND for an absent image", async () => {
    await expect(store.library.tag("supper", "x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("remove", () => {
  it("takes a name off while others are left", async () => {
    store.users.containers.push({ id: "0", name: "box", images: [ID], layers: [] });

    expect(await store.library.remove("lunch:1")).toEqual({
      untagged: ["lunch:1"],
      deleted: [],
    });
    expect((await store.library.get("lunch")).id).toBe(ID);
  });

  it("deletes with the last name what no other image needs", async () => {
    const { layers } = await store.library.get("dinner");

    const removed = await store.library.remove("dinner");

    expect(removed).toEqual({
      untagged: ["dinner:latest"],
      deleted: [digestOf(young.config), layers[1]?.chainId],
    });
    expect(await store.blobs.has(digestOf("young"))).toBe(false);
    expect(await store.blobs.has(digestOf("bottom"))).toBe(true);
    expect((await store.library.get("lunch")).layers).toHaveLength(2);
  });

  it("leaves an empty store when all images are gone, drafts of killed writers, too", async () => {
    await writeFile(`${store.paths.images}/.draft-killed`, "x");
    await store.library.remove("dinner");
    await store.library.remove(ID, { force: true });

    expect(await contentsOf(store)).toEqual([]);
    expect(await store.library.list()).toEqual([]);
  });

  it("by id wants force for an image with names in several repositories", async () => {
    await expect(store.library.remove(ID.slice(7, 19))).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("multiple repositories"),
    });

    const { untagged } = await store.library.remove(ID, { force: true });

    expect(untagged).toHaveLength(3);
  });

  describe("by a digest of a registry", () => {
    const lunch = (text: string) => `docker.io/library/lunch@${digestOf(text)}`;
    const short = (text: string) => `lunch@${digestOf(text)}`;

    /** What `old` is known by, beside its names. */
    async function note(...repoDigests: readonly string[]): Promise<void> {
      const { digest } = await store.library.get(ID);
      const entry = (await store.references.list()).find((one) => one.descriptor.digest === digest);
      if (entry === undefined) throw new Error("there is no line of it");
      const { descriptor } = entry;
      await store.references.set({ name: undefined, descriptor, repoDigests });
    }

    it("loses that one, and no name", async () => {
      await note(lunch("a"), lunch("b"));
      const { names } = await store.library.get(ID);

      expect(await store.library.remove(short("a"))).toEqual({
        untagged: [short("a")],
        deleted: [],
      });

      const left = await store.library.get(ID);
      expect(left.names).toEqual(names);
      expect(left.repoDigests).toContain(short("b"));
      expect(await store.library.find(short("a"))).toBeUndefined();
    });

    it("loses it though a container uses it", async () => {
      await note(lunch("a"));
      const { id, names } = await store.library.get(ID);
      store.users.containers.push({
        id: "0",
        name: "box",
        images: [id],
        layers: [],
        isRunning: true,
      });

      expect((await store.library.remove(short("a"))).untagged).toEqual([short("a")]);

      expect((await store.library.get(ID)).names).toEqual(names);
    });

    it("goes with the last, and with it what an index led to", async () => {
      const { digest, names } = await store.library.get(ID);
      await note(lunch("a"), lunch("b"), `docker.io/library/lunch@${digest}`);
      await store.references.remove(...names);

      expect(await store.library.remove(short("a"))).toEqual({
        untagged: [short("a")],
        deleted: [],
      });
      expect(await store.library.remove(short("b"))).toMatchObject({
        untagged: [short("b"), `lunch@${digest}`],
        deleted: [ID, expect.anything()],
      });
      expect(await store.library.find(ID)).toBeUndefined();
    });

    it("with the last is refused while a container uses it", async () => {
      await note(lunch("a"));
      const { id, names } = await store.library.get(ID);
      await store.references.remove(...names);
      store.users.containers.push({
        id: "0",
        name: "box",
        images: [id],
        layers: [],
        isRunning: false,
      });

      await expect(store.library.remove(short("a"))).rejects.toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining(`"${short("a")}" (must force)`),
      });
      expect(await store.library.remove(short("a"), { force: true })).toEqual({
        untagged: [short("a")],
        deleted: [],
      });
      expect((await store.library.get(ID)).repoDigests).toEqual([]);
    });

    it("that nobody noted loses the names of the repository", async () => {
      const { digest } = await store.library.get(ID);

      expect((await store.library.remove(`lunch@${digest}`)).untagged).toEqual([
        "lunch:1",
        "lunch:latest",
      ]);
    });
  });

  it("by id deletes an image whose names are of one repository", async () => {
    expect((await store.library.remove(digestOf(young.config))).untagged).toEqual([
      "dinner:latest",
    ]);
  });

  it.each([
    ["stopped", false],
    ["running", true],
  ])("refuses while a %s container uses the image", async (state, running) => {
    use(running);

    await expect(store.library.remove("dinner")).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringMatching(
        `"dinner:latest" \\(must force\\) - ${state} container box0 is using`,
      ),
      details: { containers: ["0"] },
    });
    expect((await store.library.get("dinner")).names).toEqual(["dinner:latest"]);
  });

  it("with force takes the names and leaves the rest to the containers", async () => {
    use(false);

    expect(await store.library.remove("dinner", { force: true })).toEqual({
      untagged: ["dinner:latest"],
      deleted: [],
    });
    expect((await store.library.get(digestOf(young.config))).names).toEqual([]);
  });

  it("by id refuses while a container runs, even with force", async () => {
    const id = digestOf(young.config);
    use(false, true);

    await expect(store.library.remove(id, { force: true })).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("running"),
    });
  });

  it("deletes an image that lost its name", async () => {
    await store.library.tag("lunch", "dinner");

    expect((await store.library.remove(digestOf(young.config))).deleted).toHaveLength(2);
  });

  it("takes away an image that is damaged", async () => {
    await writeFile(store.blobs.path(digestOf(young.config)), "{");

    expect((await store.library.remove("dinner")).untagged).toEqual(["dinner:latest"]);

    expect(await store.library.find("dinner")).toBeUndefined();
    expect(await store.blobs.has(digestOf("bottom"))).toBe(true);
  });

  it("says NOT_FOUND for an absent image, and INVALID_ARGUMENT for a reserved name", async () => {
    await expect(store.library.remove("supper")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(store.library.remove("host")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
