import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import type { TransferProgress } from "../../../lib/images/progress.ts";
import { type PushOptions, push, pushAll } from "../../../lib/images/push.ts";
import { type Digest, digestOf } from "../../../lib/oci/digest.ts";
import { parseManifest } from "../../../lib/oci/manifest.ts";
import { parseJson } from "../../../lib/util/json.ts";
import { ARCHITECTURE } from "../../../fixtures/layout-writer.mjs";
import { INDEX } from "../../../lib/oci/media-types.ts";
import { archive, dockerMembers, image } from "../../helpers/image-layouts.ts";
import { FakeTargets } from "./fake-targets.ts";
import { type FakeStore, contentsOf, fakeStore } from "./fake-store.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("../store/fake-locks.ts"));
vi.mock("../../../lib/native/helper.ts", () => import("./fake-helper.ts"));

const LUNCH = "localhost:5000/lunch";
const lunch = image(["bottom", "middle", "top"]);
const dinner = image(["bottom", "wine"]);

let store: FakeStore;
let targets: FakeTargets;

beforeEach(async () => {
  store = await fakeStore();
  targets = new FakeTargets();
  const members = dockerMembers([
    { ...lunch, tags: [`${LUNCH}:latest`, `${LUNCH}:1`] },
    { ...dinner, tags: ["localhost:5000/dinner:latest", "elsewhere:5000/dinner:latest"] },
  ]);
  await store.library.load(await archive(members));
});

const pushed = (name: string, options: PushOptions = {}) =>
  push(store, store.library, { name, targets, options });
const keep = { compression: "keep" } as const;

function manifestAt(name: string) {
  const found = targets.manifests.get(name);
  if (found === undefined) throw new Error(`nothing was pushed to ${name}`);
  return { ...found, manifest: parseManifest(parseJson(found.bytes, name)) };
}

describe("push", () => {
  it("sends what is not there, three layers at a time, and the manifest last", async () => {
    const many = image(Array.from({ length: 8 }, (_, at) => `layer ${at}`));
    await store.library.load(await archive(dockerMembers([{ ...many, tags: ["r.test/m:1"] }])));
    targets.onUpload = () => new Promise((resolve) => setImmediate(resolve));

    await pushed("r.test/m:1", keep);

    expect(targets.blobsIn("r.test/m")).toEqual(
      [...many.layers, many.config].map((content) => digestOf(content)).toSorted(),
    );
    expect(targets.most).toBe(3);
    expect(targets.asked.at(-1)).toBe("MANIFEST 1");
  });

  it("keeps the manifest when it keeps its layers, and tells its digest and size", async () => {
    const { id, digest } = await store.library.get(LUNCH);

    const result = await pushed(LUNCH, keep);

    const { bytes, mediaType, manifest } = manifestAt(`${LUNCH}:latest`);
    expect(result).toEqual({ id, name: `${LUNCH}:latest`, digest, size: bytes.length });
    expect([digestOf(bytes), mediaType]).toEqual([digest, manifest.mediaType]);
  });

  it("compresses plain layers unless told not to: the id stays, the digest does not", async () => {
    const { id, digest } = await store.library.get(LUNCH);

    const result = await pushed(LUNCH);

    const { bytes, manifest } = manifestAt(`${LUNCH}:latest`);
    expect(result).toMatchObject({ id, digest: digestOf(bytes) });
    expect(result.digest).not.toBe(digest);
    expect(manifest.config.digest).toBe(id);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(
      lunch.layers.map(() => "application/vnd.oci.image.layer.v1.tar+gzip"),
    );
    const contents = manifest.layers.map((layer) => {
      return gunzipSync(targets.blobs.get(`${LUNCH} ${layer.digest}`) ?? "").toString();
    });
    expect(contents).toEqual(lunch.layers);
  });

  it("asks for each blob, and sends none that is there", async () => {
    await pushed(LUNCH);
    targets.asked.length = 0;

    await pushed(LUNCH);

    expect(targets.asked.map((one) => one.split(" ")[0]).join(" ")).toBe(
      "HEAD HEAD HEAD HEAD MANIFEST",
    );
  });

  it("mounts layers of repositories of the same registry that the store knows of", async () => {
    await pushed("localhost:5000/dinner", keep);
    targets.asked.length = 0;

    await pushed(LUNCH, keep);

    const bottom = digestOf("bottom");
    const others = targets.asked.filter((one) => /^(MOUNT|PUT) /.test(one));
    expect(others).toContain(`MOUNT ${bottom} dinner`);
    expect(others).not.toContain(`PUT ${bottom}`);
    expect(others.filter((one) => one.startsWith("MOUNT"))).toHaveLength(1);
  });

  it("sends a layer that could not be mounted, and mounts nothing from another registry", async () => {
    await pushed("localhost:5000/dinner", keep);
    await pushed("elsewhere:5000/dinner", keep);
    targets.blobs.clear();
    targets.asked.length = 0;

    await pushed(LUNCH, keep);

    expect(targets.asked.filter((one) => one.startsWith("MOUNT"))).toEqual([
      `MOUNT ${digestOf("bottom")} dinner`,
    ]);
    expect(targets.blobsIn(LUNCH)).toHaveLength(4);
  });

  it("remembers the digest it has there, for all names of the image", async () => {
    const { digest } = await pushed(LUNCH);

    const found = await store.library.get(`${LUNCH}@${digest}`);
    expect(found.names).toContain(`${LUNCH}:1`);
    expect(found.repoDigests).toContain(`${LUNCH}@${digest}`);
  });

  it("remembers nothing of an image that was removed meanwhile, which is pushed all the same", async () => {
    targets.onUpload = async () => {
      targets.onUpload = async () => {};
      await store.library.remove(LUNCH);
      await store.library.remove(`${LUNCH}:1`);
    };

    await pushed(LUNCH);

    expect(manifestAt(`${LUNCH}:latest`).manifest.layers).toHaveLength(3);
    const names = (await store.references.list()).map(({ name }) => name);
    expect(names).toEqual(["localhost:5000/dinner:latest", "elsewhere:5000/dinner:latest"]);
  });

  it("clears away what killed pushes left", async () => {
    const stale = join(store.paths.images, ".draft-of-a-killed-one");
    await mkdir(join(stale, "work"), { recursive: true });

    await pushed(LUNCH);

    await expect(stat(stale)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("sends of an index, which another tool put there, the image for this machine", async () => {
    const { digest, manifest } = await store.library.get(LUNCH);
    const size = await store.blobs.size(digest);
    const platform = { os: "linux", architecture: ARCHITECTURE };
    const manifests = [{ mediaType: manifest.mediaType, digest, size, platform }];
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    const stored = await store.blobs.writeBytes(Buffer.from(JSON.stringify(index)));
    const descriptor = { mediaType: INDEX, ...stored };
    await store.references.set({ name: "r.test/several:1", descriptor });

    expect(await pushed("r.test/several:1", keep)).toMatchObject({ digest });

    const found = await store.library.get(`r.test/several@${digest}`);
    expect(found.digest).toBe(digest);
  });

  it("sends a layer once that an image has twice", async () => {
    const twice = image(["same", "same"]);
    await store.library.load(await archive(dockerMembers([{ ...twice, tags: ["r.test/t:1"] }])));

    await pushed("r.test/t:1");

    expect(targets.blobsIn("r.test/t")).toHaveLength(2);
    expect(manifestAt("r.test/t:1").manifest.layers).toHaveLength(2);
  });

  it("tells of each layer by its digest here, and in the end of the image", async () => {
    const told: TransferProgress[] = [];

    const { digest, size } = await pushed(LUNCH, { onProgress: (each) => told.push(each) });

    const bottom = told.filter(({ layer }) => layer === digestOf("bottom"));
    expect(bottom.map(({ phase }) => phase)).toEqual([
      "preparing",
      "uploading",
      "uploading",
      "uploaded",
    ]);
    expect(bottom.at(-1)?.currentBytes).toBe(bottom.at(-1)?.totalBytes);
    expect(told.at(-1)).toEqual({
      reference: `${LUNCH}:latest`,
      phase: "done",
      digest,
      totalBytes: size,
    });
  });

  it("hands access on as it is", async () => {
    const auth = { username: "ana", password: "alho" };

    await pushed(LUNCH, { auth, tlsVerify: false });

    expect(targets.accesses).toEqual([{ mode: "push", auth, tlsVerify: false }]);
  });
});

describe("a push that fails", () => {
  const contents = async () => [await contentsOf(store), await store.references.list()];

  it("sends no manifest, stops its other uploads and leaves nothing here", async () => {
    const before = await contents();
    const stopped: boolean[] = [];
    targets.onUpload = async (digest, signal) => {
      if (digest === digestOf("middle")) throw new Error("the line is cut");
      await new Promise<void>((resolve) => {
        signal?.addEventListener("abort", () => resolve());
      });
      stopped.push(signal?.aborted === true);
      throw new Error("aborted");
    };

    await expect(pushed(LUNCH, keep)).rejects.toThrow("the line is cut");

    expect(stopped).toEqual([true, true]);
    expect(targets.manifests.size).toBe(0);
    expect(await contents()).toEqual(before);
  });

  it("says so when aborted", async () => {
    const abort = new AbortController();
    targets.onUpload = async () => abort.abort();

    await expect(pushed(LUNCH, { signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(targets.manifests.size).toBe(0);
  });

  it("rejects with what its callback threw", async () => {
    const onProgress = ({ phase }: TransferProgress) => {
      if (phase === "uploading") throw new Error("the screen is full");
    };

    await expect(pushed(LUNCH, { onProgress })).rejects.toThrow("the screen is full");
    expect(targets.manifests.size).toBe(0);
  });

  it("says that the store is damaged where the registry says that the bytes are others", async () => {
    const { layers } = await store.library.get(LUNCH);
    const file = store.blobs.path(layers[0]?.descriptor.digest ?? digestOf(""));
    await writeFile(file, "BOTTOM");
    targets.onUpload = async (digest) => {
      if (digest !== digestOf("bottom")) return;
      throw new MarmitaError("CORRUPT", "refused", { details: { code: "DIGEST_INVALID" } });
    };

    await expect(pushed(LUNCH, keep)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: digestOf("bottom"), actual: digestOf("BOTTOM") },
    });
  });

  it("knows a damaged plain layer before it is sent", async () => {
    await writeFile(store.blobs.path(digestOf("bottom")), "BOTTOM");

    await expect(pushed(LUNCH)).rejects.toMatchObject({ code: "CORRUPT" });
    expect(targets.manifests.size).toBe(0);
  });
});

describe("what is pushed", () => {
  it.each([
    ["an id", (id: Digest) => id, "INVALID_ARGUMENT", "images are pushed by name"],
    ["the start of an id", (id: Digest) => id.slice(7, 19), "INVALID_ARGUMENT", "by name"],
    ["a digest", (id: Digest) => `${LUNCH}@${id}`, "INVALID_ARGUMENT", "digest reference"],
    ["a name that is not there", () => `${LUNCH}:2`, "NOT_FOUND", `${LUNCH}:2`],
    ["a reserved name", () => "host", "INVALID_ARGUMENT", "reserved"],
  ])("is not %s", async (_, name, code, message) => {
    const { id } = await store.library.get(LUNCH);

    await expect(pushed(name(id))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(targets.asked).toEqual([]);
  });

  it("is every tag of a repository, and no other image", async () => {
    const results = await pushAll(store, store.library, { name: LUNCH, targets, options: {} });

    expect(results.map(({ name }) => name)).toEqual([`${LUNCH}:latest`, `${LUNCH}:1`]);
    expect([...targets.manifests.keys()]).toEqual([`${LUNCH}:latest`, `${LUNCH}:1`]);
  });

  it.each([
    ["a tag", `${LUNCH}:1`, "INVALID_ARGUMENT"],
    ["a repository that is not there", "localhost:5000/breakfast", "NOT_FOUND"],
  ])("is with all tags not %s", async (_, name, code) => {
    const all = pushAll(store, store.library, { name, targets, options: {} });

    await expect(all).rejects.toMatchObject({ code });
  });
});
