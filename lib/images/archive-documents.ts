/**
 * The documents of a saved archive: those of an OCI image layout (image-spec, image-layout.md), and
 * beside them those of `docker save`.
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { descriptorJson } from "../oci/descriptor.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { INDEX } from "../oci/media-types.ts";
import { canonical, familiarName, parseReference } from "../oci/reference.ts";
import { CONTAINERD_NAME, REF_NAME, blobName } from "./oci-layout.ts";

/** An image as its documents tell of it. */
export interface DescribedImage {
  /** Familiar names. */
  readonly names: readonly string[];
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly config: Digest;
  /** As they lie in the archive, bottom first. */
  readonly layers: readonly Digest[];
}

/** A small file of an archive. */
export interface Document {
  readonly name: string;
  readonly bytes: Buffer;
}

/** An OCI image layout's own two. */
export function layoutDocuments(images: readonly DescribedImage[]): readonly Document[] {
  const manifests = images.flatMap(({ names, descriptor }) =>
    names.length === 0 ? [descriptor] : names.map((name) => named(descriptor, name)),
  );
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: manifests.map(descriptorJson) };
  return [document("index.json", index), document("oci-layout", { imageLayoutVersion: "1.0.0" })];
}

/** containerd and podman read the whole name, skopeo and umoci the one they are asked for by. */
function named(descriptor: Descriptor, name: string): Descriptor {
  const annotations = { [CONTAINERD_NAME]: canonical(parseReference(name)), [REF_NAME]: name };
  return { ...descriptor, annotations };
}

/**
 * Those of `docker save`, with the files of the layout for its configs and layers, as Docker has it
 * since version 25. Names are whole ones: podman puts `localhost/` before any other.
 */
export function dockerDocuments(images: readonly DescribedImage[]): readonly Document[] {
  const manifest = images.map(({ names, config, layers }) => ({
    Config: blobName(config),
    RepoTags: names.length === 0 ? null : names.map((name) => canonical(parseReference(name))),
    Layers: layers.map(blobName),
  }));
  const repositories = legacyNames(images);
  return [
    document("manifest.json", manifest),
    ...(Object.keys(repositories).length === 0 ? [] : [document("repositories", repositories)]),
  ];
}

/** By name and tag, the topmost layer: all that Docker before 1.10 went by. */
function legacyNames(images: readonly DescribedImage[]) {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { names, layers } of images) {
    const top = layers.at(-1);
    if (top === undefined) continue;
    for (const name of names) {
      const reference = parseReference(name);
      const tags = (repositories[familiarName(reference)] ??= {});
      tags[reference.tag ?? ""] = hexOf(top);
    }
  }
  return repositories;
}

function document(name: string, json: unknown): Document {
  return { name, bytes: Buffer.from(JSON.stringify(json)) };
}
