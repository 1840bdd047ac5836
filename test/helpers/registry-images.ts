/** Images put into a registry by plain HTTP: no program, and none of our own code, is needed. */
import { gzipSync } from "node:zlib";
import {
  ARCHITECTURE,
  type Blob,
  CONFIG,
  type Content,
  INDEX,
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
  await putManifest(`${url}/v2/${repository}/manifests/${tag}`, MANIFEST, manifest);
  return { digest: digestOf(manifest), manifest, config, layers };
}

async function putManifest(url: string, mediaType: string, body: string): Promise<void> {
  const headers = { "content-type": mediaType };
  const put = await fetch(url, { method: "PUT", headers, body });
  if (put.status !== 201) throw new Error(`manifest: ${put.status} ${await put.text()}`);
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

/** An index that means the image on this machine's platform, and nothing on another. */
export async function putIndex(
  url: string,
  repository: string,
  tag: string,
  image: PutImage,
): Promise<string> {
  const manifest = {
    mediaType: MANIFEST,
    digest: image.digest,
    size: Buffer.byteLength(image.manifest),
    platform: { os: "linux", architecture: ARCHITECTURE },
  };
  const document = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [manifest] });
  await putManifest(`${url}/v2/${repository}/manifests/${tag}`, INDEX, document);
  return digestOf(document);
}
