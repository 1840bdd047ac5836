/** An image archive or an OCI layout directory into the store. */
import { MarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, parseImageConfig, platformOf } from "../oci/image-config.ts";
import {
  type Platform,
  hostPlatform,
  parsePlatformText,
  platformMatches,
} from "../oci/platform.ts";
import { familiar, parseImageName } from "../oci/reference.ts";
import { parseJson } from "../util/json.ts";
import { addImages } from "./add.ts";
import { type Archive, openArchive } from "./archive.ts";
import type { ArchivedImage } from "./archived-image.ts";
import {
  type DockerEntry,
  findDockerEntries,
  readDockerImage,
  tagsByConfig,
} from "./docker-archive.ts";
import { type ByteSource, consuming } from "./feed.ts";
import type { ImageStore } from "./image-store.ts";
import type { NewImage } from "./new-image.ts";
import { readLayout } from "./oci-layout.ts";

export interface LoadOptions {
  /** In place of the names in the archive, which must then hold one image only. */
  readonly name?: string;
  /** `linux/arm64`: which image of several, and that it may be another than this machine's. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

export interface LoadedImage {
  readonly id: Digest;
  /** Familiar names; none when the archive has none. */
  readonly names: readonly string[];
}

/**
 * All images of the archive, or none. Throws `NOT_FOUND` when there is no such file, `CORRUPT`
 * for what is no whole archive, `UNSUPPORTED` for images that cannot run here.
 */
export async function load(
  store: ImageStore,
  source: ByteSource,
  options: LoadOptions = {},
): Promise<readonly LoadedImage[]> {
  return consuming(source, () => loadAll(store, source, options));
}

async function loadAll(
  store: ImageStore,
  source: ByteSource,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const { signal } = options;
  const name = options.name === undefined ? undefined : familiar(parseImageName(options.name));
  const platform =
    options.platform === undefined ? hostPlatform() : parsePlatformText(options.platform);
  return addImages(store, { signal }, async ({ draft, add }) => {
    const archive = await openArchive(source, draft, signal);
    const images = await readArchive(archive, { platform, name });
    if (name !== undefined && images.length > 1) {
      const message = `the archive holds ${images.length} images: one name does not fit`;
      throw new MarmitaError("INVALID_ARGUMENT", message, { details: { name } });
    }
    await add(images.map((image) => newImage(archive, image, signal)));
    return images.map(({ content, names }) => ({ id: content.id, names }));
  });
}

async function readArchive(
  archive: Archive,
  options: { readonly platform: Platform; readonly name: string | undefined },
): Promise<readonly ArchivedImage[]> {
  const entries = await findDockerEntries(archive);
  // Docker writes both forms into one archive since version 25; the layout says more.
  if ((await archive.find("index.json")) !== undefined) {
    const tags = await tagsByConfig(archive, entries ?? []);
    const images = await readLayout(archive, { ...options, tags });
    const listed = new Set(images.map(({ content }) => content.id));
    const others = await unlisted(archive, entries ?? [], { listed, platform: options.platform });
    return nonEmpty([...images, ...(await readDockerImages(archive, others, options))]);
  }
  if (entries === undefined) throw await notAnArchive(archive);
  return nonEmpty(await readDockerImages(archive, entries, options));
}

/**
 * Docker leaves images without a name out of the layout when others in the archive have one. What
 * is for another platform is there for whoever reads no layouts.
 */
async function unlisted(
  archive: Archive,
  entries: readonly DockerEntry[],
  { listed, platform }: { readonly listed: ReadonlySet<Digest>; readonly platform: Platform },
): Promise<readonly DockerEntry[]> {
  const others: DockerEntry[] = [];
  for (const entry of entries) {
    if (entry.tags.length > 0) continue;
    const config = await archive.find(entry.config);
    if (config === undefined || listed.has(await archive.digest(config))) continue;
    const bytes = await archive.read(config, CONFIG_LIMIT_BYTES);
    const parsed = parseImageConfig(parseJson(bytes, entry.config), entry.config);
    if (platformMatches(platform, platformOf(parsed))) others.push(entry);
  }
  return others;
}

async function readDockerImages(
  archive: Archive,
  entries: readonly DockerEntry[],
  options: { readonly platform: Platform; readonly name: string | undefined },
): Promise<readonly ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const entry of entries) images.push(await readDockerImage(archive, entry, options));
  return images;
}

function nonEmpty(images: readonly ArchivedImage[]): readonly ArchivedImage[] {
  if (images.length > 0) return images;
  throw new MarmitaError("CORRUPT", "the archive holds no image");
}

async function notAnArchive(archive: Archive): Promise<MarmitaError> {
  if ((await archive.find("repositories")) !== undefined) {
    return new MarmitaError("UNSUPPORTED", "image archives of Docker before 1.10 are not read");
  }
  return new MarmitaError(
    "CORRUPT",
    "no image archive: it has no index.json and no manifest.json",
    {
      hint: "The tar of a root file system becomes an image with import.",
    },
  );
}

function newImage(
  archive: Archive,
  image: ArchivedImage,
  signal: AbortSignal | undefined,
): NewImage {
  return {
    ...image,
    async takeLayer({ digest }) {
      const member = image.layers.get(digest);
      return member && archive.take(member, signal);
    },
  };
}
