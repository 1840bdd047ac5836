/** Images put into a registry by plain HTTP: no program, and none of our own code, is needed. */
import { gzipSync } from "node:zlib";
import {
  type Blob,
  CONFIG,
  type Content,
  type Made,
  MANIFEST,
  digestOf,
} from "../../fixtures/layout-writer.mjs";

export interface PutImage {
  readonly digest: `sha256:${string}`;
  readonly manifest: string;
  readonly config: Blob;
  /** Compressed with gzip. */
  readonly layers: readonly Blob[];
}

/** `url` is the registry's; it asks for no credentials. */
export async function putImage(
  url: string,
  repository: string,
  tag: string,
  made: Made,
): Promise<PutImage> {
  const config = await putBlob(url, repository, CONFIG, made.config);
  const layers: Blob[] = [];
  for (const layer of made.layers) {
    const type = "application/vnd.oci.image.layer.v1.tar+gzip";
    layers.push(await putBlob(url, repository, type, gzipSync(layer)));
  }
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers });
  const put = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": MANIFEST },
    body: manifest,
  });
  if (put.status !== 201) throw new Error(`manifest: ${put.status} ${await put.text()}`);
  return { digest: digestOf(manifest), manifest, config, layers };
}

async function putBlob(
  url: string,
  repository: string,
  mediaType: string,
  content: Content,
): Promise<Blob> {
  const digest = digestOf(content);
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const location = new URL(begun.headers.get("location") ?? "", url);
  location.searchParams.set("digest", digest);
  const body = typeof content === "string" ? content : Buffer.from(content);
  const put = await fetch(location, { method: "PUT", body });
  if (put.status !== 201) throw new Error(`blob: ${put.status} ${await put.text()}`);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}
