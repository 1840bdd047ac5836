/** What an image is made of, step by step: `docker history`. */
import type { Digest } from "../oci/digest.ts";
import type { HistoryEntry } from "../oci/image-config.ts";
import type { ImageContent, ImageLayer } from "./image.ts";
import { isChildOf } from "./parent.ts";

/** One step. */
export interface ImageHistoryEntry {
  /** Of the image that ends with this step, where there is one. */
  readonly id: Digest | undefined;
  /** Its names. */
  readonly names: readonly string[];
  /** RFC 3339, when it is told. */
  readonly created: string | undefined;
  /** The command: of a Dockerfile, of a container. */
  readonly createdBy: string;
  readonly author: string | undefined;
  readonly comment: string;
  /** Of the step's layer, unpacked, in bytes; of a step without one, 0. */
  readonly size: number;
  /** The digest of the layer's tar; of a step without a layer, `undefined`. */
  readonly layer: Digest | undefined;
}

/** An image, as far as it may be one of the steps. */
export interface NamedImage {
  readonly content: Pick<ImageContent, "id" | "config" | "layers">;
  readonly names: readonly string[];
}

export interface HistorySource {
  /** All there are. */
  readonly images: readonly NamedImage[];
  /** What a layer takes when unpacked, in bytes. */
  size(layer: ImageLayer): Promise<number>;
}

/** The latest step first. A layer that the history does not speak of is a step without words. */
export async function historyOf(
  { content, names }: NamedImage,
  source: HistorySource,
): Promise<readonly ImageHistoryEntry[]> {
  const { config, layers } = content;
  const steps = stepsOf(config.history, layers);
  const ends = new Map<number, NamedImage>();
  for (const image of source.images) {
    const { history } = image.content.config;
    if (isChildOf(config, image.content.config)) ends.set(history.length - 1, image);
  }
  ends.set(steps.length - 1, { content, names });
  const entries = await Promise.all(
    steps.map(async ({ entry, layer }, at): Promise<ImageHistoryEntry> => {
      const end = ends.get(at);
      return {
        id: end?.content.id,
        names: end?.names ?? [],
        created: entry.created,
        createdBy: entry.created_by ?? "",
        author: entry.author,
        comment: entry.comment ?? "",
        size: layer === undefined ? 0 : await source.size(layer),
        layer: layer?.diffId,
      };
    }),
  );
  return entries.reverse();
}

interface Step {
  readonly entry: HistoryEntry;
  readonly layer: ImageLayer | undefined;
}

/** Bottom first. Each step has the next layer unless it says that it has none. */
function stepsOf(history: readonly HistoryEntry[], layers: readonly ImageLayer[]): readonly Step[] {
  const left = [...layers];
  const steps = history.map((entry): Step => {
    return { entry, layer: entry.empty_layer === true ? undefined : left.shift() };
  });
  return [...steps, ...left.map((layer) => ({ entry: {}, layer }))];
}
