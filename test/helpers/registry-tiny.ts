/** The smallest image there is, for tests of what surrounds images: pushed with plain requests. */
import { createHash } from "node:crypto";

const CONFIG = Buffer.from(
  JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
);
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
export const TINY_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** What `pushTiny` puts under each name. */
export const TINY = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: TINY_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: digestOf(CONFIG), size: CONFIG.length },
    layers: [],
  }),
);
export const TINY_DIGEST = digestOf(TINY);

/** `127.0.0.1:5000/team/box:v1`, to a registry without TLS that asks for no password. */
export async function pushTiny(name: string): Promise<void> {
  const [, host = "", path = "", tag = "latest"] = /^([^/]+)\/([^:]+)(?::(.+))?$/.exec(name) ?? [];
  const base = `http://${host}/v2/${path}/`;
  const begun = await told("POST", `${base}blobs/uploads/`);
  const place = new URL(begun.headers.get("location") ?? "", base);
  place.searchParams.set("digest", digestOf(CONFIG));
  await told("PUT", place.href, CONFIG);
  await told("PUT", `${base}manifests/${tag}`, TINY, TINY_TYPE);
}

async function told(
  method: string,
  url: string,
  ...[body, type = "application/octet-stream"]: [Uint8Array?, string?]
): Promise<Response> {
  const headers = { "content-type": type };
  const answer = await fetch(url, { method, headers, ...(body && { body: new Blob([body]) }) });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: status ${answer.status}`);
  return answer;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
