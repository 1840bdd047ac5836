/** The tar of a root file system becomes an image of one layer. */
import { join } from "node:path";

import { MarmitaError } from "../errors.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { type Compression, layerType } from "../oci/media-types.ts";
import { type Platform, hostPlatform, parsePlatformText } from "../oci/platform.ts";
import { familiar, parseImageName } from "../oci/reference.ts";
import { JsonReader } from "../util/json.ts";
import { addImages } from "./add.ts";
import type { TakenMember } from "./archive.ts";
import { composeManifest } from "./archived-image.ts";
import { applyChanges } from "./changes.ts";
import { type ByteSource, consuming, feedVerb } from "./feed.ts";
import { imageContent } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import type { LoadedImage } from "./load.ts";

export interface ImportOptions {
  /** Dockerfile instructions, one each: `CMD ["sh"]`, `ENV PATH=/bin`. */
  readonly changes?: readonly string[];
  /** For the history of the image. */
  readonly message?: string;
  /** What the file system was made for. Default: this machine. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

interface Layer extends TakenMember {
  readonly diffId: Digest;
  readonly compression: Compression;
}

interface NamedImportOptions extends ImportOptions {
  /** Without one the image has only its id. */
  readonly name?: string | undefined;
}

/** The tar may be compressed with gzip or zstd. */
export async function importRootfs(
  store: ImageStore,
  source: ByteSource,
  options: NamedImportOptions,
): Promise<LoadedImage> {
  return consuming(source, () => importLayer(store, source, options));
}

async function importLayer(
  store: ImageStore,
  source: ByteSource,
  options: NamedImportOptions,
): Promise<LoadedImage> {
  const { signal } = options;
  const names = options.name === undefined ? [] : [familiar(parseImageName(options.name))];
  const platform =
    options.platform === undefined ? hostPlatform() : parsePlatformText(options.platform);
  const defaults = applyChanges({}, options.changes ?? []);
  return addImages(store, { signal }, async ({ draft, add }) => {
    const layer = await readLayer(source, join(draft, "layer"), signal);
    const config = configBytes({ layer, platform, defaults, message: options.message });
    const { digest, size } = layer;
    const layers = [{ mediaType: layerType(layer.compression), digest, size }];
    const { manifest, bytes, descriptor } = composeManifest({ config, layers });
    const content = imageContent(descriptor.digest, manifest, config);
    const takeLayer = async () => layer;
    await add([{ content, names, descriptor, manifest: bytes, config, takeLayer }]);
    return { id: content.id, names };
  });
}

async function readLayer(
  source: ByteSource,
  draft: string,
  signal: AbortSignal | undefined,
): Promise<Layer> {
  const event = await feedVerb("blob", source, { args: [draft], ...(signal && { signal }) });
  const fields = new JsonReader(event, "event of the helper");
  if (fields.size("diffSize") === 0) throw new MarmitaError("CORRUPT", "the tar is empty");
  return {
    draft,
    digest: parseDigest(fields.text("digest")),
    size: fields.size("size"),
    diffId: parseDigest(fields.text("diffId")),
    compression: parseCompression(fields.text("compression")),
  };
}

function parseCompression(text: string): Compression {
  if (text === "gzip" || text === "zstd" || text === "none") return text;
  throw new MarmitaError("UNSUPPORTED", `a tar compressed with ${text}`);
}

function configBytes(parts: {
  readonly layer: Layer;
  readonly platform: Platform;
  readonly defaults: object;
  readonly message: string | undefined;
}): Buffer {
  const { layer, platform, defaults, message } = parts;
  const created = new Date().toISOString();
  const { os, architecture, variant } = platform;
  return Buffer.from(
    JSON.stringify({
      created,
      architecture,
      ...(variant !== undefined && { variant }),
      os,
      config: defaults,
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
      history: [{ created, comment: message ?? "Imported from -" }],
    }),
  );
}
