/** Layers unpacked while their blobs are downloaded: seen by nobody before all is whole and right. */
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { manyEntries, oddTar } from "../../fixtures/tars.mjs";
import { MarmitaError } from "../../lib/errors.ts";
import type { UnpackProgress } from "../../lib/layers/prepare.ts";
import { Layers } from "../../lib/layers/snapshots.ts";
import type { LayerSource } from "../../lib/layers/unpack.ts";
import { digestOf, hexOf } from "../../lib/oci/digest.ts";
import { Paths } from "../../lib/store/paths.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { GrowingFile } from "../helpers/growing-blob.ts";
import { closeNamespaces, testNamespace } from "../helpers/layers.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();
expectNothingLeft();
afterAll(closeNamespaces);

interface Store {
  readonly paths: Paths;
  readonly layers: Layers;
}

async function emptyStore(root?: string): Promise<Store> {
  const paths = new Paths(root ?? (await temporaryFolder()));
  await mkdir(join(paths.blobs, "sha256"), { recursive: true });
  return { paths, layers: new Layers({ paths, mapped: () => testNamespace() }) };
}

interface GrowingLayer {
  readonly source: LayerSource;
  readonly file: GrowingFile;
  readonly bytes: Uint8Array;
}

function growing({ paths }: Store, name: string, tar: Uint8Array): GrowingLayer {
  const bytes = gzipSync(tar, { level: 1 });
  const file = new GrowingFile(join(paths.root, `${name}.part`));
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const source = { chainId: digestOf(name), diffId: digestOf(tar), blob, growing: file };
  return { source, file, bytes };
}

const ENTRIES = 10_000;
/** Several pieces of every part of the pipeline: half of them is something to unpack. */
const LARGE = manyEntries(ENTRIES);

/** What can be seen in `layers/`, and what is there of drafts. */
async function lookInto({ paths }: Store) {
  const names = await readdir(paths.layers).catch((): string[] => []);
  const drafts = names.filter((name) => name.startsWith(".draft-"));
  return { drafts, layers: names.filter((name) => !drafts.includes(name)).sort() };
}

async function filesIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => name.includes("/")).length;
}

async function isUnpacking(store: Store): Promise<true | undefined> {
  const { drafts } = await lookInto(store);
  for (const draft of drafts) {
    const found = await readdir(join(store.paths.layers, draft, "diff")).catch(() => []);
    if (found.length > 0) return true;
  }
  return undefined;
}

/** Half of it is there, and some of that unpacked. */
async function halfway(store: Store, { file, bytes }: GrowingLayer): Promise<void> {
  file.add(bytes.subarray(0, bytes.length / 2));
  await eventually("the first half being unpacked", () => isUnpacking(store));
}

describe("a layer whose blob is being downloaded", () => {
  it("is unpacked meanwhile, and seen when it is placed", async () => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    const preparing = store.layers.prepareAll([[layer.source]]);
    await halfway(store, layer);

    layer.file.add(layer.bytes.subarray(layer.bytes.length / 2));
    layer.file.end();
    await using prepared = await preparing;

    expect((await lookInto(store)).layers).toEqual([]);
    await prepared.place();
    const { chainId } = layer.source;
    expect(await lookInto(store)).toEqual({ drafts: [], layers: [hexOf(chainId)] });
    expect(await filesIn(store.layers.directory(chainId))).toBe(ENTRIES);
  });

  it("is not ready before the download is, though all of it is unpacked", async () => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    let isReady = false;
    const told: UnpackProgress[] = [];
    const preparing = store.layers
      .prepareAll([[layer.source]], { onProgress: (progress) => told.push(progress) })
      .finally(() => (isReady = true));
    layer.file.add(layer.bytes);
    await eventually(
      "its digests",
      async () => {
        const { drafts } = await lookInto(store);
        const [draft] = drafts;
        if (draft === undefined) return undefined;
        const found = await filesIn(join(store.paths.layers, draft, "diff"));
        return found === ENTRIES && layer.file.followers === 0 ? true : undefined;
      },
      20_000,
    );

    expect(isReady).toBe(false);
    layer.file.end();
    await using _prepared = await preparing;
    expect(told.at(-1)).toMatchObject({ phase: "done", currentBytes: layer.bytes.length });
  });

  it.each(["in the same file", "in a new file"] as const)(
    "is right though its download began anew with other bytes, %s",
    async (where) => {
      const store = await emptyStore();
      const layer = growing(store, "layer", LARGE);
      const other = gzipSync(manyEntries(ENTRIES - 1), { level: 1 });
      const preparing = store.layers.prepareAll([[layer.source]]);
      await halfway(store, { ...layer, bytes: other });

      layer.file.restart(where);
      layer.file.add(layer.bytes);
      layer.file.end();
      await using prepared = await preparing;
      await prepared.place();

      expect(await filesIn(store.layers.directory(layer.source.chainId))).toBe(ENTRIES);
    },
  );

  it("leaves nothing when the download fails, and rejects with why", async () => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    const preparing = store.layers.prepareAll([[layer.source]]);
    const failing = expect(preparing).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "EPIPE",
    });
    await halfway(store, layer);

    layer.file.fail(new MarmitaError("UNAVAILABLE", "the registry is gone", { errno: "EPIPE" }));

    await failing;
    expect(await lookInto(store)).toEqual({ drafts: [], layers: [] });
    expect(layer.file.followers).toBe(0);
  });

  it("leaves nothing when it is aborted, however long the download goes on", async () => {
    const store = await emptyStore();
    const layers = [growing(store, "lower", LARGE), growing(store, "upper", oddTar("hardlink"))];
    const [lower, upper] = layers as [GrowingLayer, GrowingLayer];
    const abort = new AbortController();
    const preparing = store.layers.prepareAll([[lower.source, upper.source]], {
      signal: abort.signal,
    });
    const failing = expect(preparing).rejects.toMatchObject({ name: "AbortError" });
    await halfway(store, lower);

    abort.abort();

    await failing;
    expect(await lookInto(store)).toEqual({ drafts: [], layers: [] });
  });

  it.each([
    ["is damaged", (bytes: Uint8Array) => bytes.map((byte, at) => (at === 5_000 ? ~byte : byte))],
    ["is no layer", () => Buffer.from("no layer at all")],
  ])("is CORRUPT when what is whole %s", async (_what, change) => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    const preparing = store.layers.prepareAll([[layer.source]]);
    const failing = expect(preparing).rejects.toMatchObject({ code: "CORRUPT" });

    layer.file.add(change(layer.bytes));
    layer.file.end();

    await failing;
    expect(await lookInto(store)).toEqual({ drafts: [], layers: [] });
  });

  it("waits neither for its turn nor for those below it, which come last", async () => {
    const store = await emptyStore();
    const chain = Array.from({ length: 12 }, (_, at) =>
      growing(store, `layer ${at}`, oddTar(at === 0 ? "modes" : "directory-twice")),
    );
    const preparing = store.layers.prepareAll([chain.map(({ source }) => source)]);

    for (const { file, bytes } of chain.toReversed()) {
      file.add(bytes);
      file.end();
    }
    await using prepared = await preparing;
    await prepared.place();

    const names = chain.map(({ source }) => hexOf(source.chainId));
    expect((await lookInto(store)).layers).toEqual(names.sort());
  });

  it("is unpacked though those before it are downloaded for ever so long", async () => {
    const store = await emptyStore();
    const slow = ["one", "two", "three"].map((name) => growing(store, name, LARGE));
    const quick = growing(store, "quick", oddTar("modes"));
    const done: string[] = [];
    const abort = new AbortController();
    const preparing = store.layers.prepareAll(
      [...slow, quick].map(({ source }) => [source]),
      {
        signal: abort.signal,
        onProgress: ({ layer, phase }) => phase === "done" && done.push(layer),
      },
    );
    const failing = expect(preparing).rejects.toMatchObject({ name: "AbortError" });
    for (const { file, bytes } of slow) file.add(bytes.subarray(0, bytes.length / 2));
    await eventually("three that wait for more", () =>
      slow.every(({ file }) => file.followers > 0) ? true : undefined,
    );

    quick.file.add(quick.bytes);
    quick.file.end();

    await eventually(
      "the quick one",
      () => done.includes(quick.source.blob.digest) || undefined,
      10_000,
    );
    abort.abort();
    await failing;
  });

  it("ends everything when whoever is told of it throws", async () => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    layer.file.add(layer.bytes);
    layer.file.end();
    const onProgress = () => {
      throw new Error("not interested");
    };

    const preparing = store.layers.prepareAll([[layer.source]], { onProgress });

    await expect(preparing).rejects.toThrow("not interested");
    expect(await lookInto(store)).toEqual({ drafts: [], layers: [] });
  });
});

describe("layers that are prepared", () => {
  async function stored(store: Store, name: string, tar: Uint8Array): Promise<LayerSource> {
    const { source, file, bytes } = growing(store, name, tar);
    file.add(bytes);
    const layer = { ...source, growing: undefined, file: file.path };
    await store.layers.ensureAll([layer]);
    return layer;
  }

  it("keep those below them from being collected", async () => {
    const store = await emptyStore();
    const other = await emptyStore(store.paths.root);
    const below = await stored(store, "below", oddTar("modes"));
    const layer = growing(store, "layer", oddTar("directory-twice"));
    layer.file.add(layer.bytes);
    layer.file.end();
    const name = hexOf(below.chainId);
    {
      await using prepared = await store.layers.prepareAll([[below, layer.source]]);
      expect(await other.layers.withdraw([name])).toEqual([]);
      await prepared.place();
    }

    expect(await other.layers.withdraw([name])).toEqual([name]);
  });

  it("are gone when they are not placed", async () => {
    const store = await emptyStore();
    const layer = growing(store, "layer", LARGE);
    layer.file.add(layer.bytes);
    layer.file.end();

    const prepared = await store.layers.prepareAll([[layer.source]]);
    await prepared[Symbol.asyncDispose]();
    await prepared[Symbol.asyncDispose]();

    expect(await lookInto(store)).toEqual({ drafts: [], layers: [] });
  });

  it("are waited for by others, who then have nothing to do", async () => {
    const store = await emptyStore();
    const other = await emptyStore(store.paths.root);
    const layer = growing(store, "layer", LARGE);
    const first = store.layers.prepareAll([[layer.source]]);
    await halfway(store, layer);
    const told: UnpackProgress[] = [];
    const second = other.layers.prepareAll([[layer.source]], {
      onProgress: (progress) => told.push(progress),
    });

    layer.file.add(layer.bytes.subarray(layer.bytes.length / 2));
    layer.file.end();
    {
      await using prepared = await first;
      await prepared.place();
    }
    await using prepared = await second;
    await prepared.place();

    expect(told.map(({ phase }) => phase)).toEqual(["exists"]);
    expect((await lookInto(store)).layers).toEqual([hexOf(layer.source.chainId)]);
  });

  it("of several images that share some are unpacked once", async () => {
    const store = await emptyStore();
    const all = ["base", "one", "other"].map((name) => growing(store, name, oddTar("modes")));
    for (const { file, bytes } of all) file.add(bytes);
    for (const { file } of all) file.end();
    const [base, one, other] = all.map(({ source }) => source) as [
      LayerSource,
      LayerSource,
      LayerSource,
    ];
    const done: UnpackProgress[] = [];

    await using prepared = await store.layers.prepareAll(
      [
        [base, one],
        [base, other],
      ],
      { onProgress: (progress) => progress.phase === "done" && done.push(progress) },
    );
    await prepared.place();

    expect(done).toHaveLength(3);
    expect(await readFile(join(store.paths.layer(base.chainId), "layer.json"), "utf8")).toContain(
      base.diffId,
    );
  });
});
