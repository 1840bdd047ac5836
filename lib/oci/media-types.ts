/** The media types we read and write. */
import { MarmitaError } from "../errors.ts";
import { shownWord } from "../util/shown-word.ts";

export type Compression = "none" | "gzip" | "zstd";

export const INDEX = "application/vnd.oci.image.index.v1+json";
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";

const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

/** What a registry is asked for. */
export const MANIFEST_TYPES: readonly string[] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

const LAYERS: Readonly<Record<string, Compression>> = {
  [LAYER]: "none",
  [`${LAYER}+gzip`]: "gzip",
  [`${LAYER}+zstd`]: "zstd",
  [DOCKER_LAYER]: "none",
  [`${DOCKER_LAYER}.gzip`]: "gzip",
  [`${DOCKER_LAYER}.zstd`]: "zstd",
};

export function isIndexType(mediaType: string): boolean {
  return mediaType === INDEX || mediaType === DOCKER_INDEX;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === MANIFEST || mediaType === DOCKER_MANIFEST;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === CONFIG || mediaType === DOCKER_CONFIG;
}

/** Whether the type is of the OCI image specification itself, which some readers insist on. */
export function isOciType(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.oci.image.");
}

/** The type of a layer we write. */
export function layerType(compression: Compression): string {
  return compression === "none" ? LAYER : `${LAYER}+${compression}`;
}

/** Throws `UNSUPPORTED` for layers that are no tar of ours to read, and says which they are. */
export function layerCompression(mediaType: string): Compression {
  const compression = Object.hasOwn(LAYERS, mediaType) ? LAYERS[mediaType] : undefined;
  if (compression !== undefined) return compression;
  throw new MarmitaError("UNSUPPORTED", `${layerKind(mediaType)}: ${shownWord(mediaType)}`, {
    details: { mediaType },
  });
}

function layerKind(mediaType: string): string {
  if (mediaType.includes("+encrypted")) return "encrypted layers cannot be read";
  if (mediaType.includes("nondistributable") || mediaType.includes("foreign")) {
    return "layers that must be fetched from elsewhere cannot be read";
  }
  return "not a layer of a container image";
}
