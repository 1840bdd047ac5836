/**
 * Manifests, indexes and configs with things changed at random are read or refused on purpose.
 * `MARMITA_FUZZ=10000` for as many through a pull; the seed is `MARMITA_FUZZ_SEED`, else always
 * the same.
 */
import { describe, expect, it } from "vitest";
import { MANIFEST, INDEX, image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { isMarmitaError } from "../../lib/errors.ts";
import { choosePlatform } from "../../lib/images/choose-platform.ts";
import { chainIds, digestOf } from "../../lib/oci/digest.ts";
import { parseImageConfig, platformOf } from "../../lib/oci/image-config.ts";
import { isIndexDocument, parseManifestOrIndex } from "../../lib/oci/manifest.ts";
import { formatPlatform, hostPlatform } from "../../lib/oci/platform.ts";
import { parseJson } from "../../lib/util/json.ts";
import { mutated } from "../helpers/mutations.ts";
import { randomNumbers } from "../helpers/random.ts";

const SEED = Number(process.env["MARMITA_FUZZ_SEED"] ?? 6);
const READ = 10_000;

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

function readManifest(bytes: Buffer, type: string): void {
  const document = parseManifestOrIndex(parseJson(bytes, "manifest"), type);
  if (isIndexDocument(document)) choosePlatform(document.manifests, hostPlatform(), "index");
}

function readConfig(bytes: Buffer): void {
  const config = parseImageConfig(parseJson(bytes, "config"));
  chainIds(config.rootfs.diff_ids);
  formatPlatform(platformOf(config));
}
