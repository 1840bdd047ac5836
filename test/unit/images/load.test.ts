import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { chainIds, digestOf } from "../../../lib/oci/digest.ts";
import { MANIFEST } from "../../../lib/oci/media-types.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import {
  Layout,
  type Members,
  archive,
  dockerMembers,
  image,
  named,
} from "../../helpers/image-layouts.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const OTHER = process.arch === "arm64" ? "amd64" : "arm64";
const busybox = image(["bottom", "top"]);
const second = image(["bottom", "other top"]);

describe("load", () => {
  let store: FakeStore;

  beforeEach(async () => {
    store = await fakeStore();
  });

  const load = async (members: Members, options = {}) =>
    store.library.load(await archive(members), options);

  describe("of a docker archive", () => {
    it("keeps Docker's image id, names the real digests and unpacks bottom first", async () => {
      const [loaded] = await load(dockerMembers([{ ...busybox, tags: ["busybox:latest"] }]));

      const found = await store.library.get("busybox");
      expect(loaded).toEqual({ id: digestOf(busybox.config), names: ["busybox:latest"] });
      expect(found).toMatchObject({ id: loaded?.id, names: ["busybox:latest"], size: 200 });
      expect(found.manifest.layers).toEqual(
        busybox.layers.map((content) => ({
          mediaType: "application/vnd.oci.image.layer.v1.tar",
          digest: digestOf(content),
          size: content.length,
        })),
      );
      const chain = chainIds(busybox.layers.map((layer) => digestOf(layer)));
      expect(store.layers.asked).toEqual(chain.map((chainId, at) => [chainId, at]));
    });

    it("takes all images and all of their names", async () => {
      const loaded = await load(
        dockerMembers([
          { ...busybox, tags: ["busybox:1", "docker.io/library/busybox:latest"] },
          { ...second, tags: ["registry.example.com:5000/private/image:tag"] },
        ]),
      );

      expect(loaded.map(({ names }) => names)).toEqual([
        ["busybox:1", "busybox:latest"],
        ["registry.example.com:5000/private/image:tag"],
      ]);
      expect(await store.library.list()).toHaveLength(2);
    });

    it("follows layers that are links to others", async () => {
      const members = dockerMembers([{ ...image(["same", "same"]), tags: ["twice"] }]);
      const [Config] = Object.keys(members).filter((name) => name.endsWith(".json"));
      const manifest = [{ Config, RepoTags: ["twice"], Layers: ["a/layer.tar", "b/layer.tar"] }];
      const linked = { "a/layer.tar": "same", "b/layer.tar": { link: "../a/layer.tar" } };

      await load({ ...members, ...linked, "manifest.json": JSON.stringify(manifest) });

      expect((await store.library.get("twice")).layers).toHaveLength(2);
    });

    it("leaves an image without a name to its id", async () => {
      const [loaded] = await load(dockerMembers([busybox]));

      expect(loaded?.names).toEqual([]);
      expect((await store.library.get(String(loaded?.id).slice(7, 19))).names).toEqual([]);
    });

    it.each([
      ["no manifest", { "manifest.json": "" }, "manifest.json is not JSON"],
      ["no image", { "manifest.json": "[]" }, "holds no image"],
      [
        "a missing config",
        { "manifest.json": '[{"Config":"x.json"}]' },
        "the archive lacks x.json",
      ],
      [
        "a config under a wrong digest",
        {
          [`${"0".repeat(64)}.json`]: "{}",
          "manifest.json": `[{"Config":"${"0".repeat(64)}.json"}]`,
        },
        "holds bytes of",
      ],
      [
        "a missing layer",
        { "c.json": busybox.config, "manifest.json": '[{"Config":"c.json","Layers":["l"]}]' },
        "the archive lacks l",
      ],
      [
        "fewer layers than diff ids",
        {
          "c.json": busybox.config,
          l: "bottom",
          "manifest.json": '[{"Config":"c.json","Layers":["l"]}]',
        },
        "manifest has 1 layers, its config 2",
      ],
      [
        "a link that goes in circles",
        { "manifest.json": { link: "other" }, other: { link: "manifest.json" } },
        "no image archive",
      ],
      ["a root file system", { "etc/passwd": "root" }, "no index.json and no manifest.json"],
      ["nothing", {}, "no index.json and no manifest.json"],
    ])("refuses %s and leaves nothing", async (_, members, words) => {
      await expect(load(members as Members)).rejects.toMatchObject({
        code: "CORRUPT",
        message: expect.stringContaining(words),
      });
      expect(await contentsOf(store)).toEqual([]);
    });

    it.each([
      ["no layers", image([]), "has no layers"],
      ["128 layers", image(Array.from({ length: 128 }, String)), "128 layers, more than the 127"],
      [
        "another architecture",
        image(["x"], { architecture: OTHER }),
        `is for linux/${OTHER}; this machine is linux/`,
      ],
      ["another system", image(["x"], { os: "windows" }), "is for windows"],
    ])("refuses an image of %s", async (_, made, words) => {
      await expect(load(dockerMembers([made]))).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: expect.stringContaining(words),
      });
      expect(await contentsOf(store)).toEqual([]);
    });

    it("refuses archives of Docker before 1.10 by name", async () => {
      await expect(load({ repositories: "{}" })).rejects.toThrow("Docker before 1.10");
    });

    it.each(["scratch", "host:1", "docker.io/library/scratch"])(
      "refuses the reserved name %s, unless another is given",
      async (tag) => {
        const members = dockerMembers([{ ...busybox, tags: [tag] }]);

        await expect(load(members)).rejects.toMatchObject({
          code: "INVALID_ARGUMENT",
          message: expect.stringContaining("reserved"),
        });
        expect((await load(members, { name: "mine" }))[0]?.names).toEqual(["mine:latest"]);
      },
    );

    it("takes an image for another platform when that is asked for", async () => {
      const members = dockerMembers([image(["x"], { architecture: OTHER })]);

      const [loaded] = await load(members, { platform: `linux/${OTHER}`, name: "other" });

      expect(loaded?.names).toEqual(["other:latest"]);
    });
  });

  describe("of an OCI layout", () => {
    it("takes its manifest as it is", async () => {
      const layout = new Layout();
      const manifest = layout.manifest(busybox, named("busybox:latest"));

      await load(layout.done([manifest]));

      expect(await store.library.get("busybox")).toMatchObject({
        digest: manifest.digest,
        id: digestOf(busybox.config),
      });
    });

    it("takes the image for this machine out of an index", async () => {
      const layout = new Layout();
      const platform = (architecture: string) => ({ platform: { os: "linux", architecture } });
      const here = JSON.parse(busybox.config).architecture as string;
      const attestation = { platform: { os: "unknown", architecture: "unknown" } };
      const absent = {
        mediaType: MANIFEST,
        digest: digestOf("absent"),
        size: 6,
        ...platform(OTHER),
      };
      const index = layout.index(
        [absent, layout.manifest(second, attestation), layout.manifest(busybox, platform(here))],
        named("multi"),
      );

      await load(layout.done([index]));

      expect((await store.library.get("multi")).id).toBe(digestOf(busybox.config));
      await expect(
        load(layout.done([layout.index([absent], named("multi"))])),
      ).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: `multi is for linux/${OTHER}; this machine is linux/${here}`,
      });
    });

    it("takes lines that differ only in platform as one image", async () => {
      const layout = new Layout();
      const made = image(["x"], { architecture: OTHER });
      const lines = [made, busybox].map((one) => {
        const { architecture } = JSON.parse(one.config) as { architecture: string };
        return layout.manifest(one, { platform: { os: "linux", architecture } });
      });

      const loaded = await load(layout.done(lines));

      expect(loaded).toEqual([{ id: digestOf(busybox.config), names: [] }]);
    });

    it("takes whole names from containerd, Docker's tags, or the layout, in this order", async () => {
      const layout = new Layout();
      const line = layout.manifest(busybox, {
        annotations: {
          "io.containerd.image.name": "docker.io/library/lunch:1",
          "org.opencontainers.image.ref.name": "1",
        },
      });
      const bare = layout.manifest(second, named("latest"));
      const config = `blobs/sha256/${digestOf(second.config).slice(7)}`;
      const tags = [{ Config: config, RepoTags: ["dinner:2"], Layers: [] }];

      const loaded = await load(
        layout.done([line, bare], { "manifest.json": JSON.stringify(tags) }),
      );

      expect(loaded.map(({ names }) => names)).toEqual([["lunch:1"], ["dinner:2"]]);
    });

    it("takes no name with a digest, which may be another image's", async () => {
      const other = `lunch@sha256:${"0".repeat(64)}`;
      const layout = new Layout();
      const line = layout.manifest(busybox, {
        annotations: { "io.containerd.image.name": other },
      });
      const config = `blobs/sha256/${digestOf(second.config).slice(7)}`;
      const tags = [{ Config: config, RepoTags: [other, "dinner:2"], Layers: [] }];

      const loaded = await load(
        layout.done([line, layout.manifest(second)], { "manifest.json": JSON.stringify(tags) }),
      );

      expect(loaded.map(({ names }) => names)).toEqual([[], ["dinner:2"]]);
    });

    it.each([
      ["index.json", (line: unknown) => ({ schemaVersion: 2, manifests: Array(1001).fill(line) })],
      ["manifest.json", () => Array(1001).fill({ Config: "c", RepoTags: null, Layers: [] })],
      [
        "manifest.json",
        () => [{ Config: "c", RepoTags: Array.from({ length: 1001 }, (_, at) => `a:${at}`) }],
      ],
    ])("is refused with more images than anybody saves in its %s", async (name, document) => {
      const layout = new Layout();
      const line = layout.manifest(busybox, {});

      await expect(
        load({ ...layout.done([line]), [name]: JSON.stringify(document(line)) }),
      ).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: "the archive names 1001 images, more than 1000",
      });
    });

    it("takes the images without a name that Docker leaves out of its index", async () => {
      const layout = new Layout();
      const line = layout.manifest(busybox, named("a"));
      const foreign = image(["x"], { architecture: OTHER });
      for (const made of [second, foreign]) layout.manifest(made);
      const path = (content: string) => `blobs/sha256/${digestOf(content).slice(7)}`;
      const entries = [busybox, second, foreign].map(({ config, layers }) => ({
        Config: path(config),
        RepoTags: config === busybox.config ? ["a:latest"] : null,
        Layers: layers.map((content) => path(String(content))),
      }));

      const loaded = await load(layout.done([line], { "manifest.json": JSON.stringify(entries) }));

      expect(loaded).toEqual([
        { id: digestOf(busybox.config), names: ["a:latest"] },
        { id: digestOf(second.config), names: [] },
      ]);
    });

    it("gives one image the name asked for, and refuses to give it to two", async () => {
      const layout = new Layout();
      const lines = [layout.manifest(busybox, named("a")), layout.manifest(second, named("b"))];

      await load(layout.done(lines.slice(0, 1)), { name: "mine:1" });
      expect((await store.library.get("mine:1")).names).toEqual(["mine:1"]);

      await expect(load(layout.done(lines), { name: "mine:1" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    });

    it("takes a layer that is missing from the store, where it is there", async () => {
      const first = new Layout();
      await load(first.done([first.manifest(busybox, named("first"))]));
      const thin = new Layout();
      const line = thin.manifest(busybox, named("thin"));
      delete thin.members[`blobs/sha256/${digestOf("bottom").slice(7)}`];

      await load(thin.done([line]));

      expect((await store.library.get("thin")).names).toEqual(["first:latest", "thin:latest"]);
    });

    it.each([
      [
        "a blob of other bytes",
        (members: Members) => ({ ...members, [blobOf("top")]: "pot" }),
        "holds bytes of",
      ],
      [
        "a blob of another size",
        (members: Members) => ({ ...members, [blobOf("top")]: "top " }),
        "has 4 bytes, not 3",
      ],
      [
        "a missing layer",
        (members: Members) => ({ ...members, [blobOf("top")]: { link: "nowhere" } }),
        "is missing",
      ],
      [
        "a missing config",
        (members: Members) => ({ ...members, [blobOf(busybox.config)]: { link: "x" } }),
        "the archive lacks blobs/",
      ],
      [
        "an empty index",
        (members: Members) => ({ ...members, "index.json": '{"schemaVersion":2}' }),
        "holds no image",
      ],
      [
        "an index that is a list",
        (members: Members) => ({ ...members, "index.json": "[]" }),
        "JSON object",
      ],
    ])("refuses %s and leaves nothing", async (_, damage, words) => {
      const layout = new Layout();
      const members = layout.done([layout.manifest(busybox, named("busybox"))]);

      await expect(load(damage(members) as Members)).rejects.toMatchObject({
        code: "CORRUPT",
        message: expect.stringContaining(words),
      });
      expect(await contentsOf(store)).toEqual([]);
    });

    it("refuses layers it cannot read by name", async () => {
      const layout = new Layout();
      const type = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
      const layers = [layout.blob(type, "bottom"), layout.blob(type, "top")];

      await expect(
        load(layout.done([layout.manifest(busybox, named("x"), { layers })])),
      ).rejects.toMatchObject({ code: "UNSUPPORTED", details: { mediaType: type } });
    });

    it("refuses indexes within indexes without end", async () => {
      const layout = new Layout();
      let line = layout.manifest(busybox);
      for (let depth = 0; depth < 6; depth++) line = layout.index([line]);

      await expect(load(layout.done([line]))).rejects.toThrow("indexes within indexes");
    });

    it("may be a directory", async () => {
      const layout = new Layout();
      const folder = await temporaryFolder();
      const members = layout.done([layout.manifest(busybox, named("busybox"))]);
      for (const [name, content] of Object.entries(members)) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        await writeFile(join(folder, name), content as string);
      }

      await store.library.load(folder);
      expect((await store.library.get("busybox")).layers).toHaveLength(2);

      await writeFile(join(folder, blobOf("other top")), "x");
      const other = await fakeStore();
      await writeFile(join(folder, blobOf("top")), "pot");
      await expect(other.library.load(folder)).rejects.toMatchObject({ code: "CORRUPT" });
      expect(await contentsOf(other)).toEqual([]);
    });
  });

  it("says NOT_FOUND for a file that is not there", async () => {
    await expect(store.library.load("/no/such.tar")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no such file: /no/such.tar",
    });
  });

  it("stops when aborted, and leaves nothing", async () => {
    const path = await archive(dockerMembers([busybox]));
    const signal = AbortSignal.abort(new Error("enough"));

    await expect(store.library.load(path, { signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(await contentsOf(store)).toEqual([]);
  });

  it("stores a blob anew that was cut short", async () => {
    const members = dockerMembers([{ ...busybox, tags: ["busybox"] }]);
    await load(members);
    const digest = digestOf("bottom");
    await writeFile(store.blobs.path(digest), "bot");

    await load(members);

    expect((await store.blobs.read(digest, 10)).toString()).toBe("bottom");
  });

  it("takes away what a killed one left", async () => {
    await mkdir(join(store.paths.images, ".draft-killed", "members"), { recursive: true });

    await load(dockerMembers([busybox]));

    const left = await contentsOf(store);
    expect(left.filter((name) => name.includes("draft"))).toEqual([]);
  });

  it("stores nothing twice", async () => {
    const members = dockerMembers([{ ...busybox, tags: ["busybox"] }]);
    await load(members);
    const before = [...(await contentsOf(store))].toSorted();

    await load(members);

    expect([...(await contentsOf(store))].toSorted()).toEqual(before);
  });
});

function blobOf(content: string): string {
  return `blobs/sha256/${digestOf(content).slice(7)}`;
}
