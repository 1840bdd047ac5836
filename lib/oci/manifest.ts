/** Image manifests and indexes: types and strict parsing. */
import { MarmitaError } from "../errors.ts";
import { JsonReader } from "../util/json.ts";
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { INDEX, MANIFEST, isConfigType, isIndexType, isManifestType } from "./media-types.ts";

/** One image for one platform. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Manifests to choose from, by platform. */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Larger ones are refused, as registries do. */
export const MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * What a descriptor of type `mediaType` points to. Throws `CORRUPT` for what could be read as both
 * (CVE-2021-41190), and `UNSUPPORTED` for manifests of other things than images.
 */
export function parseManifestOrIndex(
  json: unknown,
  mediaType: string,
  what = "manifest",
): Manifest | Index {
  const fields = new JsonReader(json, what);
  const declared = fields.findText("mediaType") ?? mediaType;
  checkVersion(fields, declared, what);
  if (mediaType !== "" && declared !== mediaType) {
    throw new MarmitaError("CORRUPT", `${what} says it is ${declared}, not ${mediaType}`);
  }
  if (isIndex(fields, declared)) return parseIndex(json, what);
  return parseManifest(json, what);
}

export function parseManifest(json: unknown, what = "manifest"): Manifest {
  const fields = new JsonReader(json, what);
  const mediaType = fields.findText("mediaType") ?? MANIFEST;
  checkVersion(fields, mediaType, what);
  checkNot(fields, "manifests", what);
  if (!isManifestType(mediaType)) throw notImage(mediaType, what);
  const config = fields.object("config", parseDescriptor);
  if (!isConfigType(config.mediaType)) throw notImage(config.mediaType, what);
  const annotations = fields.findTextMap("annotations");
  return {
    schemaVersion: 2,
    mediaType,
    config,
    layers: fields.findList("layers", parseDescriptor) ?? [],
    ...(annotations && { annotations }),
  };
}

export function parseIndex(json: unknown, what = "index"): Index {
  const fields = new JsonReader(json, what);
  const mediaType = fields.findText("mediaType") ?? INDEX;
  checkVersion(fields, mediaType, what);
  checkNot(fields, "layers", what);
  checkNot(fields, "config", what);
  if (!isIndexType(mediaType)) throw notImage(mediaType, what);
  const annotations = fields.findTextMap("annotations");
  return {
    schemaVersion: 2,
    mediaType,
    manifests: fields.findList("manifests", parseDescriptor) ?? [],
    ...(annotations && { annotations }),
  };
}

export function isIndexDocument(document: Manifest | Index): document is Index {
  return "manifests" in document;
}

function isIndex(fields: JsonReader, declared: string): boolean {
  if (isIndexType(declared)) return true;
  return !isManifestType(declared) && fields.has("manifests") && !fields.has("config");
}

function checkVersion(fields: JsonReader, mediaType: string, what: string): void {
  const version = fields.findSize("schemaVersion");
  if (version === 2) return;
  if (version === 1 || mediaType.includes("distribution.manifest.v1")) {
    throw new MarmitaError("UNSUPPORTED", `${what} has Docker's schema 1, which is no longer read`);
  }
  throw new MarmitaError("CORRUPT", `${what}: "schemaVersion" is ${version ?? "missing"}, not 2`);
}

function checkNot(fields: JsonReader, name: string, what: string): void {
  if (!fields.has(name)) return;
  throw new MarmitaError("CORRUPT", `${what} could be a manifest or an index: it has "${name}"`);
}

function notImage(mediaType: string, what: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `${what} is not a container image: ${mediaType}`, {
    details: { mediaType },
  });
}
