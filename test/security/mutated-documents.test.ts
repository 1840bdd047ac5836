/**
 * Manifests, indexes and configs with things changed at random are read or refused on purpose.
 * `MARMITA_FUZZ=10000` for as many through a pull; the seed is `MARMITA_FUZZ_SEED`, else always
 * the same.
 */
import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { MANIFEST, INDEX, image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import type { Engine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { choosePlatform } from "../../lib/images/choose-platform.ts";
import { chainIds, digestOf } from "../../lib/oci/digest.ts";
import { parseImageConfig, platformOf } from "../../lib/oci/image-config.ts";
import { isIndexDocument, parseManifestOrIndex } from "../../lib/oci/manifest.ts";
import { formatPlatform, hostPlatform } from "../../lib/oci/platform.ts";
import { parseJson } from "../../lib/util/json.ts";
import { testEngine } from "../helpers/engine.ts";
import { mutated } from "../helpers/mutations.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomNumbers } from "../helpers/random.ts";
import { type Document, ScriptedRegistry } from "../helpers/scripted-registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Of each kind. */
const PULLED = Math.ceil(Number(process.env["MARMITA_FUZZ"] ?? 1_000) / 3);
const SEED = Number(process.env["MARMITA_FUZZ_SEED"] ?? 6);
const READ = 10_000;
const AT_ONCE = 32;

/** How a pull may end. */
const KNOWN: ReadonlySet<string> = new Set(["CORRUPT", "NOT_FOUND", "UNSUPPORTED", "right"]);

const LAYER = tarArchive([{ path: "file", content: "x" }]);
const CONFIG_TEXT = image([LAYER], {
  created: "2024-01-01T00:00:00Z",
  author: "ana",
  config: {
    User: "1:2",
    Env: ["A=b"],
    Cmd: ["sh"],
    Entrypoint: ["env"],
    WorkingDir: "/srv",
    Volumes: { "/data": {} },
    ExposedPorts: { "80/tcp": {} },
    Labels: { a: "b" },
    StopSignal: "TERM",
    Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000 },
  },
  history: [{ created_by: "sh", empty_layer: false }],
}).config;

const manifestOf = (config: string | Uint8Array) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(config),
      size: Buffer.byteLength(config),
    },
    layers: [
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        digest: digestOf(LAYER),
        size: LAYER.length,
        annotations: { a: "b" },
      },
    ],
  });
const MANIFEST_TEXT = manifestOf(CONFIG_TEXT);
const INDEX_TEXT = JSON.stringify({
  schemaVersion: 2,
  mediaType: INDEX,
  manifests: ["linux/amd64", "linux/arm64/v8", "unknown/unknown"].map((text) => {
    const [os, architecture, variant] = text.split("/");
    const platform = { os, architecture, ...(variant !== undefined && { variant }) };
    const digest = digestOf(MANIFEST_TEXT);
    return { mediaType: MANIFEST, digest, size: MANIFEST_TEXT.length, platform };
  }),
});

describe("a document with things changed at random", () => {
  it.each<[string, string, (bytes: Buffer) => unknown]>([
    ["manifest", MANIFEST_TEXT, (bytes) => readManifest(bytes, MANIFEST)],
    ["index", INDEX_TEXT, (bytes) => readManifest(bytes, INDEX)],
    ["manifest of no type", MANIFEST_TEXT, (bytes) => readManifest(bytes, "")],
    ["config", CONFIG_TEXT, readConfig],
  ])("is read or refused: %s", (_, whole, read) => {
    const random = randomNumbers(SEED);
    const began = performance.now();
    let refused = 0;

    for (let done = 0; done < READ; done++) {
      const bytes = mutated(whole, random);
      try {
        read(bytes);
      } catch (error) {
        if (!isMarmitaError(error) || !["CORRUPT", "UNSUPPORTED"].includes(error.code)) {
          throw new Error(`of ${bytes.subarray(0, 2_000).toString()}`, { cause: error });
        }
        refused++;
      }
    }

    // Some of them are good in spite of all, and most are not.
    expect(refused).toBeGreaterThan(READ / 4);
    expect(refused).toBeLessThan(READ);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect((performance.now() - began) / READ).toBeLessThan(10);
  });
});

describe.runIf(requireUserNamespaces())("a pull of an image with things changed at random", () => {
  expectNothingLeft();

  let registry: ScriptedRegistry;
  let engine: Engine;

  beforeAll(async () => {
    registry = await ScriptedRegistry.start();
    registry.blob(LAYER);
    registry.blob(CONFIG_TEXT);
    registry.manifest({ bytes: MANIFEST_TEXT, type: MANIFEST });
    engine = await testEngine();
  });

  const kinds: readonly (readonly [string, (random: () => number) => Document])[] = [
    ["manifest", (random) => ({ bytes: mutated(MANIFEST_TEXT, random), type: MANIFEST })],
    ["index", (random) => ({ bytes: mutated(INDEX_TEXT, random), type: INDEX })],
    [
      "config",
      (random) => {
        const config = mutated(CONFIG_TEXT, random);
        registry.blob(config);
        return { bytes: manifestOf(config), type: MANIFEST };
      },
    ],
  ];

  it.each(kinds)(
    "gives an image that can be inspected, or leaves none: %s",
    { timeout: 60_000 + PULLED * 50 },
    async (kind, documentOf) => {
      const random = randomNumbers(SEED);
      const codes = new Map<string, number>();

      for (let done = 0; done < PULLED; done += AT_ONCE) {
        const names = Array.from({ length: AT_ONCE }, (_, more) => {
          registry.manifest(documentOf(random), String(done + more));
          return `${registry.host}/${kind}:${done + more}`;
        });
        for (const ended of await Promise.all(names.map((name) => tried(name)))) {
          codes.set(ended, (codes.get(ended) ?? 0) + 1);
        }
      }

      expect([...codes.keys()].filter((code) => !KNOWN.has(code))).toEqual([]);
      // Some of them are good in spite of all, and most are not.
      expect(codes.get("right")).toBeGreaterThan(0);
      expect(codes.get("CORRUPT")).toBeGreaterThan(PULLED / 10);
      await engine.images.prune({ all: true }); // some are the parents of others, by their history
      expect(await engine.images.list()).toEqual([]);
    },
  );

  /** `right`, or the code of the error; anything else with the document it is about. */
  async function tried(name: string): Promise<string> {
    const document = registry.manifests.get(name.slice(name.lastIndexOf(":") + 1));
    const text = Buffer.from(document?.bytes ?? "")
      .subarray(0, 2_000)
      .toString();
    try {
      await engine.images.pull(name, { signal: AbortSignal.timeout(20_000) });
      await engine.images.inspect(name);
      await engine.images.remove(name);
      return "right";
    } catch (error) {
      if ((await engine.images.find(name)) !== undefined) return `it is there: ${text}`;
      if (isMarmitaError(error, "UNAVAILABLE"))
        console.log(inspect(error, { depth: 5 }), text.slice(0, 300));
      return isMarmitaError(error) ? error.code : `${inspect(error, { depth: 5 })}: ${text}`;
    }
  }
});

function readManifest(bytes: Buffer, type: string): void {
  const document = parseManifestOrIndex(parseJson(bytes, "manifest"), type);
  if (isIndexDocument(document)) choosePlatform(document.manifests, hostPlatform(), "index");
}

function readConfig(bytes: Buffer): void {
  const config = parseImageConfig(parseJson(bytes, "config"));
  chainIds(config.rootfs.diff_ids);
  formatPlatform(platformOf(config));
}
