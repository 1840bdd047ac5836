/** What a container wrote becomes a layer, and with its image's layers a new image. */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import type { PackedLayer } from "../layers/pack.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ContainerDefaults, HistoryEntry, ImageConfig } from "../oci/image-config.ts";
import { type Compression, layerType } from "../oci/media-types.ts";
import { familiar, parseImageName } from "../oci/reference.ts";
import { timestamp } from "../util/source-date-epoch.ts";
import { addImages } from "./add.ts";
import { asOciLayer, composeManifest } from "./archived-image.ts";
import { type ImageContent, imageContent } from "./image.ts";
import type { ImageStore } from "./image-store.ts";

export interface NewCommit {
  /** Without one the image has only its id. */
  readonly name?: string | undefined;
  readonly author?: string | undefined;
  /** The comment of the history entry. */
  readonly message?: string | undefined;
  /** Seconds since 1970, in place of now. */
  readonly epoch?: number | undefined;
  readonly compression: Compression;
  readonly signal?: AbortSignal | undefined;
  /** The image it was made of must stay in the store meanwhile: its container sees to that. */
  readonly prepare: () => Promise<Committed>;
}

/** What is to be an image. */
export interface Committed {
  /** The image it was made of. */
  readonly base: ImageContent;
  /** What containers of the new one do when nothing else is asked. */
  readonly defaults: ContainerDefaults;
  /** What made the changes, as history tells it. */
  readonly createdBy: string;
  /**
   * Writes the blobs of the layers to new files, one for each name, the lowest first: more than one
   * where the container was forked. Those in which nothing has changed are left out.
   */
  readonly pack: (outputs: (level: number) => string) => Promise<readonly CommittedLayer[]>;
}

export interface CommittedLayer extends PackedLayer {
  /** Its blob. */
  readonly file: string;
}

export interface CommittedImage {
  /** The digest of its config. */
  readonly id: Digest;
  /** The digest of its manifest. */
  readonly digest: Digest;
  /** Familiar names, `figlet:latest`; none when it was given none. */
  readonly names: readonly string[];
}

/** Rejects with a `MarmitaError` or an `AbortError`, and then leaves nothing behind. */
export async function commitImage(store: ImageStore, commit: NewCommit): Promise<CommittedImage> {
  const { name, signal, compression } = commit;
  const names = name === undefined ? [] : [familiar(parseImageName(name))];
  const preparing = commit.prepare();
  preparing.catch(() => undefined); // told where it is waited for, or something else failed first
  return addImages(store, { signal }, async ({ draft, add }) => {
    const committed = await preparing;
    const packed = await committed.pack((level) => join(draft, `layer-${level}`));
    // As in Docker, where nothing has changed there is a line of history and no layer.
    const added = packed.filter(({ entries }) => entries > 0);
    for (const { entries, file } of packed) if (entries === 0) await rm(file, { force: true });
    const config = Buffer.from(
      JSON.stringify(childConfig(committed, { ...commit, layers: added })),
    );
    const layers = [
      ...committed.base.layers.map(({ descriptor }) => asOciLayer(descriptor)),
      ...added.map((layer) => layerDescriptor(layer, compression)),
    ];
    const { manifest, bytes, descriptor } = composeManifest({ config, layers });
    const content = imageContent(descriptor.digest, manifest, config);
    const takeLayer = async ({ digest }: Descriptor) => {
      const layer = added.find((one) => one.digest === digest);
      return layer && { draft: layer.file, digest, size: layer.size };
    };
    await add([{ content, names, descriptor, manifest: bytes, config, takeLayer }]);
    return { id: content.id, digest: descriptor.digest, names };
  });
}

/** What the config of the new image depends on beside what is committed. */
export interface ChildOptions extends Pick<NewCommit, "author" | "message" | "epoch"> {
  /** The lowest first; none: nothing has changed. */
  readonly layers: readonly Pick<PackedLayer, "diffId">[];
}

/** In the order in which Docker writes it: equal content gives equal bytes. */
export function childConfig(
  { base, defaults, createdBy }: Pick<Committed, "base" | "defaults" | "createdBy">,
  { author, message, epoch, layers }: ChildOptions,
): ImageConfig {
  const { architecture, variant, os, history, rootfs, "os.version": version } = base.config;
  const created = timestamp(epoch);
  const diffIds = layers.map(({ diffId }) => diffId);
  return {
    created,
    ...(isGiven(author) && { author }),
    architecture,
    ...(variant !== undefined && { variant }),
    os,
    ...(version !== undefined && { "os.version": version }),
    config: defaults,
    rootfs: { type: "layers", diff_ids: [...rootfs.diff_ids, ...diffIds] },
    history: [
      ...history,
      ...layers.slice(1).map((): HistoryEntry => ({ created, comment: "before a fork" })),
      {
        created,
        ...(isGiven(createdBy) && { created_by: createdBy }),
        ...(isGiven(author) && { author }),
        ...(isGiven(message) && { comment: message }),
        ...(layers.length === 0 && { empty_layer: true }),
      } satisfies HistoryEntry,
    ],
  };
}

function isGiven(text: string | undefined): boolean {
  return text !== undefined && text !== "";
}

function layerDescriptor({ digest, size }: PackedLayer, compression: Compression): Descriptor {
  return { mediaType: layerType(compression), digest, size };
}
