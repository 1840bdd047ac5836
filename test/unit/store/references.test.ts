import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";
import { Paths } from "../../../lib/store/paths.ts";
import { References } from "../../../lib/store/references.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("./fake-locks.ts"));

const REF_NAME = "org.opencontainers.image.ref.name";
const descriptor = (content: string) => ({
  mediaType: MANIFEST,
  digest: digestOf(content),
  size: content.length,
});
const [one, two] = [descriptor("one"), descriptor("two two")];

describe("References", () => {
  let paths: Paths;
  let references: References;

  beforeEach(async () => {
    paths = new Paths(await temporaryFolder());
    references = new References(paths);
  });

  const names = async () =>
    (await references.list()).map(({ name, descriptor: { digest } }) => [name, digest]);

  async function writeIndex(json: object): Promise<void> {
    await mkdir(paths.images, { recursive: true });
    await writeFile(paths.index, JSON.stringify(json));
  }

  it("knows nothing before anything was stored, and makes no files to say so", async () => {
    expect(await references.list()).toEqual([]);
    expect(await references.find("busybox:latest")).toBeUndefined();
    expect(await readdir(paths.root)).toEqual([]);
  });

  it("makes the directory an OCI image layout", async () => {
    await references.set({ name: "busybox:latest", descriptor: one });

    const json: unknown = JSON.parse(await readFile(paths.index, "utf8"));
    expect(json).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [{ ...one, annotations: { [REF_NAME]: "busybox:latest" } }],
    });
    expect(JSON.parse(await readFile(join(paths.images, "oci-layout"), "utf8"))).toEqual({
      imageLayoutVersion: "1.0.0",
    });
    expect(await references.find("busybox:latest")).toMatchObject(one);
  });

  it("lets many names lead to one image", async () => {
    await references.set({ name: "a:1", descriptor: one });
    await references.set({ name: "b:2", descriptor: one });

    expect(await names()).toEqual([
      ["a:1", one.digest],
      ["b:2", one.digest],
    ]);
  });

  it("keeps an image whose last name was taken by another", async () => {
    await references.set({ name: "a:1", descriptor: one });
    await references.set({ name: "a:1", descriptor: two });

    expect(await names()).toEqual([
      [undefined, one.digest],
      ["a:1", two.digest],
    ]);
  });

  it("does not keep a nameless line for an image that has a name", async () => {
    await references.set({ name: undefined, descriptor: one });
    await references.set({ name: "a:1", descriptor: one });
    await references.set({ name: undefined, descriptor: one });

    expect(await names()).toEqual([["a:1", one.digest]]);
  });

  it("forgets a name, and keeps the image until it is forgotten, too", async () => {
    await references.set({ name: "a:1", descriptor: one });

    await references.remove("a:1");
    await references.remove("a:1");
    expect(await names()).toEqual([[undefined, one.digest]]);

    await references.forget(one.digest);
    await references.forget(one.digest);
    expect(await names()).toEqual([]);
  });

  it("keeps what other tools wrote and it does not know", async () => {
    const foreign = { mediaType: "text/x", digest: "sha512:00", size: 1, color: "red" };
    const entry = { ...two, data: "e30=", annotations: { [REF_NAME]: "b:1", x: "y" } };
    const index = { schemaVersion: 2, annotations: { a: "b" }, taste: 5 };
    await writeIndex({ ...index, manifests: [foreign, entry] });

    await references.set({ name: "a:1", descriptor: one });
    await references.remove("b:1");

    const json: unknown = JSON.parse(await readFile(paths.index, "utf8"));
    expect(json).toEqual({
      ...index,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        foreign,
        { ...one, annotations: { [REF_NAME]: "a:1" } },
        { ...two, data: "e30=", annotations: { x: "y" } },
      ],
    });
  });

  it.each([
    ["busybox", "busybox:latest"],
    ["docker.io/library/busybox:1", "busybox:1"],
    ["latest", undefined],
    ["Not a Name", undefined],
    ["scratch", undefined],
    ["host:1", undefined],
  ])("reads the name %j of another tool as %s", async (written, name) => {
    await writeIndex({
      schemaVersion: 2,
      manifests: [{ ...one, annotations: { [REF_NAME]: written } }],
    });

    expect(await names()).toEqual([[name, one.digest]]);
  });

  it("sees what another process wrote", async () => {
    await references.set({ name: "a:1", descriptor: one });
    expect(await names()).toHaveLength(1);

    await new References(paths).set({ name: "b:1", descriptor: two });

    expect(await names()).toHaveLength(2);
  });

  it("waits for a file that another tool is still writing", async () => {
    await writeIndex({ schemaVersion: 2, manifests: [one] });
    const whole = await readFile(paths.index, "utf8");
    await writeFile(paths.index, whole.slice(0, 20));

    const reading = references.list();
    await writeFile(paths.index, whole);

    expect(await reading).toHaveLength(1);
  });

  it("says CORRUPT for a file that stays damaged, and does not write over it", async () => {
    await mkdir(paths.images, { recursive: true });
    await writeFile(paths.index, '{"schemaVersion":2,');

    await expect(references.set({ name: "a:1", descriptor: one })).rejects.toMatchObject({
      code: "CORRUPT",
    });

    expect(await readFile(paths.index, "utf8")).toBe('{"schemaVersion":2,');
  });

  it("loses nothing when many set names at once", async () => {
    const all = Array.from({ length: 12 }, (_, at) => `n:${at + 10}`);

    await Promise.all(all.map((name) => new References(paths).set({ name, descriptor: one })));

    expect(new Set((await names()).map(([name]) => name))).toEqual(new Set(all));
  });

  describe("what registries know an image by", () => {
    const known = (content: string) => `docker.io/library/box@${digestOf(content)}`;
    const recorded = async () =>
      (await references.list()).map(({ name, repoDigests }) => [name, repoDigests]);

    it("is said by all of its lines, the latest first", async () => {
      await references.set({ name: "a:1", descriptor: one, repoDigests: [known("index")] });
      await references.set({ name: "b:1", descriptor: one, repoDigests: [known("one")] });
      await references.set({ name: "c:1", descriptor: one });
      const all = [known("one"), known("index")];
      expect(await recorded()).toEqual([
        ["a:1", all],
        ["b:1", all],
        ["c:1", all],
      ]);
      const json = await readFile(paths.index, "utf8");
      expect(json).toContain(`"io.marmita.repo-digests": "${all.join()}"`);
    });

    it("stays when the name moves on, and when names are taken off", async () => {
      await references.set({ name: "a:1", descriptor: one, repoDigests: [known("one")] });
      await references.set({ name: "a:1", descriptor: two, repoDigests: [known("two")] });
      expect(await recorded()).toEqual([
        [undefined, [known("one")]],
        ["a:1", [known("two")]],
      ]);
      await references.remove("a:1");
      expect(await recorded()).toEqual([
        [undefined, [known("one")]],
        [undefined, [known("two")]],
      ]);
    });

    it("is forgotten one by one", async () => {
      const repoDigests = [known("one"), known("index")];
      await references.set({ name: "a:1", descriptor: one, repoDigests });
      const index = { digest: one.digest, repoDigests: [known("index")] };
      await references.edit({ untag: [], forget: [], unlink: [index] });
      expect(await recorded()).toEqual([["a:1", [known("one")]]]);
      const all = { digest: one.digest, repoDigests };
      await references.edit({ untag: ["a:1"], forget: [], unlink: [all] });
      expect(await recorded()).toEqual([[undefined, undefined]]);
    });

    it("is read leniently", async () => {
      const annotations = {
        "io.marmita.repo-digests": `nonsense,a:1,,${known("one")},${known("one")}`,
      };
      await writeIndex({ schemaVersion: 2, manifests: [{ ...one, annotations }] });
      expect(await recorded()).toEqual([[undefined, [known("one")]]]);
    });

    it("are the latest of many", async () => {
      for (let at = 0; at < 70; at++) {
        await references.set({ name: "a:1", descriptor: one, repoDigests: [known(String(at))] });
      }
      const [entry] = await references.list();
      expect(entry?.repoDigests).toHaveLength(64);
      expect(entry?.repoDigests?.[0]).toBe(known("69"));
    });
  });
});
