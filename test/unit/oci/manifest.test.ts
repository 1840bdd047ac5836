import { describe, expect, it } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import {
  isIndexDocument,
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
} from "../../../lib/oci/manifest.ts";
import { CONFIG, INDEX, MANIFEST, layerCompression } from "../../../lib/oci/media-types.ts";

const DOCKER = "application/vnd.docker";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const blob = (mediaType: string) => ({ mediaType, digest: digestOf(mediaType), size: 7 });
const manifest = { schemaVersion: 2, config: blob(CONFIG), layers: [blob(LAYER)] };
const index = { schemaVersion: 2, manifests: [blob(MANIFEST)] };

describe("manifests", () => {
  it("are read with what we do not know left out", () => {
    const json = { ...manifest, mediaType: MANIFEST, subject: blob(MANIFEST), extra: 1 };

    expect(parseManifest(json)).toEqual({ ...manifest, mediaType: MANIFEST });
  });

  it("of Docker are read, too", () => {
    const json = {
      schemaVersion: 2,
      mediaType: `${DOCKER}.distribution.manifest.v2+json`,
      config: blob(`${DOCKER}.container.image.v1+json`),
      layers: [blob(`${DOCKER}.image.rootfs.diff.tar.gzip`)],
    };

    expect(parseManifestOrIndex(json, json.mediaType)).toEqual(json);
  });

  it("are told from indexes by their media type", () => {
    expect(isIndexDocument(parseManifestOrIndex(manifest, MANIFEST))).toBe(false);
    expect(isIndexDocument(parseManifestOrIndex(index, INDEX))).toBe(true);
  });

  it.each([
    ["a manifest that could be an index", { ...manifest, manifests: [] }, MANIFEST],
    ["an index that could be a manifest", { ...index, layers: [] }, INDEX],
    ["an index with a config", { ...index, config: blob(CONFIG) }, INDEX],
    ["another type than its descriptor says", { ...manifest, mediaType: MANIFEST }, INDEX],
    ["no version", { ...manifest, schemaVersion: undefined }, MANIFEST],
    ["no config", { ...manifest, config: undefined }, MANIFEST],
    [
      "a digest that is a path",
      { ...manifest, layers: [{ ...blob(LAYER), digest: "../x" }] },
      MANIFEST,
    ],
    ["a list", [], MANIFEST],
  ])("are refused: %s", (_, json, mediaType) => {
    expect(() => parseManifestOrIndex(json, mediaType)).toThrow(
      expect.objectContaining({ code: "CORRUPT" }),
    );
  });

  it.each([
    ["schema 1", { schemaVersion: 1, fsLayers: [] }, "schema 1"],
    [
      "an artifact",
      { ...manifest, config: blob("application/vnd.cncf.helm.config.v1+json") },
      "helm",
    ],
    ["another document", { ...manifest, mediaType: "text/plain" }, "text/plain"],
  ])("of other things than images are refused by name: %s", (_, json, words) => {
    expect(() => parseManifest(json)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(words) }),
    );
  });

  it("of an index keep the platform of each image", () => {
    const platform = { os: "linux", architecture: "arm64", variant: "v8" };
    const json = { schemaVersion: 2, manifests: [{ ...blob(MANIFEST), platform }] };

    expect(parseIndex(json).manifests[0]?.platform).toEqual(platform);
  });
});

describe("layer types", () => {
  it.each([
    ["application/vnd.oci.image.layer.v1.tar", "none"],
    ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
    ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
    [`${DOCKER}.image.rootfs.diff.tar`, "none"],
    [`${DOCKER}.image.rootfs.diff.tar.gzip`, "gzip"],
    [`${DOCKER}.image.rootfs.diff.tar.zstd`, "zstd"],
  ])("%s is a tar of ours, compression %s", (mediaType, compression) => {
    expect(layerCompression(mediaType)).toBe(compression);
  });

  it.each([
    ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted"],
    ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "fetched from elsewhere"],
    [`${DOCKER}.image.rootfs.foreign.diff.tar.gzip`, "fetched from elsewhere"],
    ["application/wasm", "not a layer"],
    ["toString", "not a layer"],
  ])("%s is refused by name: %s", (mediaType, words) => {
    expect(() => layerCompression(mediaType)).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: expect.stringMatching(
          new RegExp(`${words}.*: ${mediaType.replaceAll("+", "\\+")}`),
        ),
      }),
    );
  });

  it("is refused in one line, whatever it is called", () => {
    expect(() => layerCompression("evil/\nmarmita: run this")).toThrow(
      String.raw`not a layer of a container image: "evil/\nmarmita: run this"`,
    );
  });
});
