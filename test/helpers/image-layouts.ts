/** Archives of images put together by hand, whole or damaged, in all forms they come in. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { digestOf, hexOf } from "../../lib/oci/digest.ts";
import { CONFIG, INDEX, MANIFEST } from "../../lib/oci/media-types.ts";
import { hostPlatform } from "../../lib/oci/platform.ts";
import { output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { busyboxArchive } from "./images.ts";

export type Content = string | Buffer;

export type Members = Record<string, Content | { readonly link: string }>;

/** A directory with an OCI image layout that holds `busybox:latest`, its layer compressed. */
export async function busyboxLayout(): Promise<string> {
  const folder = await temporaryFolder();
  output(["tar", "-xf", busyboxArchive({ form: "oci", gzip: true }), "-C", folder]);
  return folder;
}

/** The path of a tar with these files. */
export async function archive(members: Members): Promise<string> {
  const path = join(await temporaryFolder(), "archive.tar");
  const entries = Object.entries(members).map(([name, content]) =>
    typeof content === "object" && "link" in content
      ? { path: name, type: "symlink" as const, target: content.link }
      : { path: name, content },
  );
  await writeFile(path, tarArchive(entries));
  return path;
}

export interface Made {
  readonly config: string;
  readonly layers: readonly Content[];
}

/** Its config, and its layers as they are. */
export function image(layers: readonly Content[], overrides: object = {}): Made {
  const config = {
    architecture: hostPlatform().architecture,
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
    ...overrides,
  };
  return { config: JSON.stringify(config), layers };
}

/** As `docker save` wrote it before version 25. */
export function dockerMembers(images: readonly (Made & { tags?: readonly string[] })[]): Members {
  const members: Members = {};
  const manifest = images.map(({ config, layers, tags = [] }) => {
    const name = `${hexOf(digestOf(config))}.json`;
    members[name] = config;
    const names = layers.map((layer) => `${hexOf(digestOf(layer))}/layer.tar`);
    for (const [at, layer] of layers.entries()) members[names[at] ?? ""] = layer;
    return { Config: name, RepoTags: tags, Layers: names };
  });
  return { ...members, "manifest.json": JSON.stringify(manifest) };
}

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** An OCI layout being made: blobs first, then the lines of its index. */
export class Layout {
  readonly members: Members = { "oci-layout": '{"imageLayoutVersion":"1.0.0"}' };

  blob(mediaType: string, content: Content, fields: object = {}): Blob {
    const digest = digestOf(content);
    this.members[`blobs/sha256/${hexOf(digest)}`] = content;
    return { mediaType, digest, size: Buffer.byteLength(content), ...fields };
  }

  manifest(made: Made, fields: object = {}, overrides: object = {}): Blob {
    const layer = "application/vnd.oci.image.layer.v1.tar";
    const json = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: this.blob(CONFIG, made.config),
      layers: made.layers.map((content) => this.blob(layer, content)),
      ...overrides,
    };
    return this.blob(MANIFEST, JSON.stringify(json), fields);
  }

  index(manifests: readonly Blob[], fields: object = {}): Blob {
    return this.blob(
      INDEX,
      JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }),
      fields,
    );
  }

  done(manifests: readonly Blob[], others: Members = {}): Members {
    return {
      ...this.members,
      ...others,
      "index.json": JSON.stringify({ schemaVersion: 2, manifests }),
    };
  }
}

export function named(name: string): { annotations: Record<string, string> } {
  return { annotations: { "org.opencontainers.image.ref.name": name } };
}
