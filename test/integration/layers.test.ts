/** Layers on disk: unpacked once, checked, whole or absent, for every set of ids. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { manyEntries, oddTar } from "../../fixtures/tars.mjs";
import { parseLayerRecord } from "../../lib/layers/record.ts";
import { Layers } from "../../lib/layers/snapshots.ts";
import type { LayerSource } from "../../lib/layers/unpack.ts";
import { type ChainId, digestOf, hexOf } from "../../lib/oci/digest.ts";
import { Paths } from "../../lib/store/paths.ts";
import { randomLayers } from "../../fixtures/random-layers.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { LISTING, asRoot, closeNamespaces, testNamespace } from "../helpers/layers.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();
expectNothingLeft();
afterAll(closeNamespaces);

interface Store {
  readonly paths: Paths;
  readonly layers: Layers;
}

async function emptyStore(ids: "auto" | "single" = "auto", root?: string): Promise<Store> {
  const paths = new Paths(root ?? (await temporaryFolder()));
  await mkdir(join(paths.blobs, "sha256"), { recursive: true });
  return { paths, layers: new Layers({ paths, mapped: () => testNamespace(ids) }) };
}

/** The blob of a layer in the store; `chain` tells layers with the same content apart. */
async function addBlob({ paths }: Store, tar: Uint8Array, chain = "chain"): Promise<LayerSource> {
  const bytes = gzipSync(tar, { level: 1 });
  const digest = digestOf(bytes);
  await writeFile(paths.blob(digest), bytes);
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const blob = { mediaType, digest, size: bytes.length };
  return { chainId: digestOf(chain), diffId: digestOf(tar), blob };
}

async function layersOf({ paths }: Store): Promise<readonly string[]> {
  return (await readdir(paths.layers).catch((): string[] => [])).sort();
}

async function removeLayer({ layers }: Store, chainId: ChainId): Promise<void> {
  const found = await layers.list((one) => one === chainId);
  await layers.withdraw(found.map(({ name }) => name));
  await layers.sweep();
}

/** A process of its own, with an engine's parts from dist/. */
async function ensureElsewhere(root: string, layer: LayerSource): Promise<void> {
  const script = `
    import { Layers } from "${DIST}/layers/snapshots.js";
    import { openNamespace } from "${DIST}/runtime/namespace.js";
    import { Paths } from "${DIST}/store/paths.js";
    const mapped = await openNamespace({ ids: "auto" });
    const layers = new Layers({ paths: new Paths(${JSON.stringify(root)}), mapped: async () => mapped });
    await layers.ensure(${JSON.stringify(layer)}, []);
    mapped.namespace.close();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
}

const DIST = new URL("../../dist", import.meta.url).href;
const RECORD = "layer.json";

describe("Layers", () => {
  it("unpacks a layer, and keeps what is known of it beside it", async () => {
    const store = await emptyStore();
    const tar = oddTar("devices");
    const layer = await addBlob(store, tar);

    const record = await store.layers.ensure(layer, []);

    const { chainId, diffId } = layer;
    expect(record).toMatchObject({ chainId, diffId, size: tar.length, entries: 3, devices: 1 + 1 });
    const directory = store.layers.directory(chainId);
    expect(directory).toBe(join(store.paths.layer(chainId), "diff"));
    expect(await readdir(join(directory, "dev"))).toEqual(["file"]);
    const path = join(store.paths.layer(chainId), RECORD);
    expect(parseLayerRecord(await readFile(path), path)).toEqual(record);
    expect(await store.layers.find(chainId)).toEqual(record);
  });

  it("does so once, however many ask at once", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    const others = Array.from({ length: 4 }, () => emptyStore("auto", store.paths.root));

    const records = await Promise.all(
      [store, ...(await Promise.all(others))].map(({ layers }) => layers.ensure(layer, [])),
    );

    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
    expect(await layersOf(store)).toEqual([hexOf(layer.chainId)]);
  });

  it("leaves a layer alone that is there", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    await store.layers.ensure(layer, []);
    const before = await stat(store.layers.directory(layer.chainId));

    const again = await emptyStore("auto", store.paths.root);
    await again.layers.ensure(layer, []);

    expect((await stat(again.layers.directory(layer.chainId))).ctimeMs).toBe(before.ctimeMs);
  });

  it("sees that another process has removed a layer it knew", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    await store.layers.ensure(layer, []);
    const other = await emptyStore("auto", store.paths.root);

    await removeLayer(other, layer.chainId);

    expect(await store.layers.find(layer.chainId)).toBeUndefined();
    await store.layers.ensure(layer, []);
    expect(await readdir(store.layers.directory(layer.chainId))).toEqual(["name", "target"]);
  });

  it("gives the layers below to those above, nearest first", async () => {
    const store = await emptyStore();
    const bottom = await addBlob(store, oddTar("modes"), "bottom");
    const middle = await addBlob(store, oddTar("directory-twice"), "middle");
    const top = await addBlob(store, oddTar("hardlink-to-lower"), "top");
    const below: ChainId[] = [middle.chainId, bottom.chainId];
    await store.layers.ensure(bottom, []);
    await store.layers.ensure(middle, [bottom.chainId]);

    await expect(store.layers.ensure(top, below)).rejects.toThrow("find etc/file in this layer");
    await writeFile(join(await makeDirectory(store, bottom, "etc"), "file"), "below");
    await store.layers.ensure(top, below);

    const name = join(store.layers.directory(top.chainId), "new/name");
    expect(await readFile(name, "utf8")).toBe("below");
  });

  it.each([1, 2, 3, 4])("are the same however many at once: seed %i", async (seed) => {
    const [one, all] = [await emptyStore(), await emptyStore()];
    const chain: LayerSource[] = [];
    for (const [at, entries] of randomLayers(seed).entries()) {
      chain.push(await addBlob(one, tarArchive(entries), `layer ${at}`));
      await addBlob(all, tarArchive(entries), `layer ${at}`);
    }

    const parents: ChainId[] = [];
    for (const layer of chain) {
      await one.layers.ensure(layer, [...parents]);
      parents.unshift(layer.chainId);
    }
    await all.layers.ensureAll(chain);

    for (const { chainId } of chain) {
      const script = `cd "$1"; stat -c "%n %f" .; ${LISTING}; find . -mindepth 1 ! -type c -printf "%P %U %G %T@ %l\n"`;
      const seen = [one, all].map(({ layers }) => asRoot(script, layers.directory(chainId)));
      expect(seen[1]?.split("\n").sort()).toEqual(seen[0]?.split("\n").sort());
    }
    expect(await layersOf(all)).toEqual(chain.map(({ chainId }) => hexOf(chainId)).sort());
  });

  it("above one that fails are not kept, nor waited for", async () => {
    const store = await emptyStore();
    const lowest = await addBlob(store, oddTar("modes"), "lowest");
    const broken = await addBlob(store, manyEntries(500), "broken");
    const above = await addBlob(store, oddTar("hardlink-to-lower"), "above");
    await writeFile(store.paths.blob(broken.blob.digest), "no gzip");

    await expect(store.layers.ensureAll([lowest, broken, above])).rejects.toMatchObject({
      code: "CORRUPT",
    });

    expect(await layersOf(store)).toEqual([]);
  });

  it("are unpacked once by several processes", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, manyEntries(3_000));
    await mkdir(store.paths.layers);
    const made: string[] = [];
    const watcher = watch(store.paths.layers, (_event, name) => made.push(String(name)));

    try {
      await Promise.all([1, 2, 3].map(() => ensureElsewhere(store.paths.root, layer)));
    } finally {
      watcher.close();
    }

    const drafts = made.filter((name) => name.startsWith(".draft-"));
    expect(new Set(drafts).size).toBe(1);
    expect(await layersOf(store)).toEqual([hexOf(layer.chainId)]);
  });

  it.each([
    ["the blob", (layer: LayerSource) => ({ ...layer, blob: { ...layer.blob, size: 1 } })],
    ["its content", (layer: LayerSource) => ({ ...layer, diffId: digestOf("other") })],
  ])("keeps nothing when the digest of %s is wrong", async (_what, change) => {
    const store = await emptyStore();
    const layer = change(await addBlob(store, oddTar("hardlink")));

    await expect(store.layers.ensure(layer, [])).rejects.toMatchObject({
      code: "CORRUPT",
      step: "apply",
    });
    expect(await layersOf(store)).toEqual([]);
    expect(await store.layers.find(layer.chainId)).toBeUndefined();
  });

  it.each([
    ["dotdot-name", "CORRUPT"],
    ["truncated-content", "CORRUPT"],
    ["unknown-type", "UNSUPPORTED"],
  ])("keeps nothing of a layer that cannot be unpacked: %s", async (name, code) => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar(name));

    await expect(store.layers.ensure(layer, [])).rejects.toMatchObject({ code, step: "apply" });
    expect(await layersOf(store)).toEqual([]);
  });

  it("says which blob is missing", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    const missing = { ...layer, blob: { ...layer.blob, digest: digestOf("missing") } };

    await expect(store.layers.ensure(missing, [])).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { digest: digestOf("missing") },
    });
  });

  it("tells of its layers without any namespace", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    const record = await store.layers.ensure(layer, []);
    const mapped = () => Promise.reject(new Error("no namespaces here"));

    const found = await new Layers({ paths: store.paths, mapped }).find(layer.chainId);

    expect(found).toEqual(record);
  });

  it("stops when aborted, and keeps nothing", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, manyEntries(5_000));
    const abort = new AbortController();

    const ensuring = store.layers.ensure(layer, [], { signal: abort.signal });
    ensuring.catch(() => undefined);
    while ((await layersOf(store)).length === 0) await new Promise(setImmediate);
    abort.abort();

    await expect(ensuring).rejects.toMatchObject({ name: "AbortError" });
    expect(await layersOf(store)).toEqual([]);
  });

  it("removes a layer, files of mapped ids and locked directories included; twice is fine", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("modes"));
    await store.layers.ensure(layer, []);

    await removeLayer(store, layer.chainId);
    await removeLayer(store, layer.chainId);

    expect(await layersOf(store)).toEqual([]);
    expect(await store.layers.find(layer.chainId)).toBeUndefined();
  });

  it("clears away what a killed process was unpacking", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    const other = `.draft-${hexOf(digestOf("other"))}`;
    for (const draft of [other, `.draft-${hexOf(layer.chainId)}`]) {
      await mkdir(join(store.paths.layers, draft, "diff/half"), { recursive: true });
    }

    await store.layers.ensure(layer, []);

    expect(await layersOf(store)).toEqual([hexOf(layer.chainId)]);
  });

  it("leaves alone what another process is unpacking", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    const other = hexOf(digestOf("other"));
    await mkdir(join(store.paths.layers, `.draft-${other}`), { recursive: true });
    await mkdir(store.paths.locks, { recursive: true });
    const lock = store.paths.lock(`layer-${other}`);
    const holder = spawn("flock", [lock, "sh", "-c", "echo held; read _"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));

    await store.layers.ensure(layer, []);

    const ended = new Promise((resolve) => holder.once("close", resolve));
    holder.stdin.end();
    await ended;
    expect(await layersOf(store)).toEqual([`.draft-${other}`, hexOf(layer.chainId)]);
  });

  it("unpacks anew what is damaged or of another format, which stays for its containers", async () => {
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("hardlink"));
    await store.layers.ensure(layer, []);
    await writeFile(join(store.paths.layer(layer.chainId), RECORD), '{"format":0}');

    const again = await emptyStore("auto", store.paths.root);
    const record = await again.layers.ensure(layer, []);

    expect(record.entries).toBe(2);
    const plain = hexOf(layer.chainId);
    const name = await again.layers.current(layer.chainId);
    expect(name).toMatch(new RegExp(`^${plain}\\.[0-9a-f]+$`));
    expect(await layersOf(store)).toEqual([plain, name]);
    expect(again.layers.directory(layer.chainId)).toBe(join(store.paths.layers, `${name}/diff`));
    expect(await again.layers.list()).toMatchObject([{ record: undefined }, { name, record }]);
  });

  it("keeps the same layer apart for other ids", async (context) => {
    const { mapping } = await testNamespace();
    if (mapping.mode === "single") context.skip(`one id only: ${mapping.reason}`);
    const store = await emptyStore();
    const layer = await addBlob(store, oddTar("modes"));
    const single = await emptyStore("single", store.paths.root);

    const mapped = await store.layers.ensure(layer, []);
    const alone = await single.layers.ensure(layer, []);

    expect([mapped.unmapped, alone.unmapped]).toEqual([0, 2]);
    const owners = join(single.layers.directory(layer.chainId), "../owners");
    expect(await readFile(owners, "utf8")).toBe("1:2:2755:setgid\x000:50:2775:shared\0");
    expect(single.layers.directory(layer.chainId)).not.toBe(store.layers.directory(layer.chainId));
    expect(await layersOf(store)).toHaveLength(2);
    await removeLayer(store, layer.chainId);
    expect(await layersOf(store)).toEqual([]);
  });
});

async function makeDirectory({ layers }: Store, layer: LayerSource, name: string) {
  const path = join(layers.directory(layer.chainId), name);
  await mkdir(path);
  return path;
}
