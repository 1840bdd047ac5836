import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../lib/oci/digest.ts";
import { CONFIG, MANIFEST, layerType } from "../../lib/oci/media-types.ts";
import type { RegistryClient } from "../../lib/registry/client.ts";
import { Registries } from "../../lib/registry/registries.ts";
import { startFaultProxy } from "../helpers/fault-proxy.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { endsWithTests } from "../helpers/servers.ts";

const able = requireRegistry();
expectNothingLeft();

const LAYER = randomBytes(3_000_000);
const CONFIG_BYTES = Buffer.from("{}");
const layer = { mediaType: layerType("none"), digest: digestOf(LAYER), size: LAYER.length };
const config = { mediaType: CONFIG, digest: digestOf(CONFIG_BYTES), size: CONFIG_BYTES.length };
const MANIFEST_BYTES = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }),
);
const manifest = {
  mediaType: MANIFEST,
  digest: digestOf(MANIFEST_BYTES),
  size: MANIFEST_BYTES.length,
};

function from(bytes: Buffer): (offset: number) => Readable {
  return (offset) => Readable.from([bytes.subarray(offset)], { objectMode: false });
}

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}

async function openRegistries(): Promise<Registries> {
  const registries = await Registries.open({ registries: {} });
  endsWithTests(() => registries.close());
  return registries;
}

async function push(client: RegistryClient, tag: string): Promise<void> {
  await client.uploadBlob(layer, from(LAYER));
  await client.uploadBlob(config, from(CONFIG_BYTES));
  await client.putManifest(tag, MANIFEST_BYTES, { mediaType: MANIFEST });
}

describe("a client of docker-registry", () => {
  let registry: TestRegistry;
  let registries: Registries;
  const at = (path: string, mode: "pull" | "push" = "push") => {
    return registries.repository({ domain: registry.host, path }, { mode });
  };

  beforeAll(async () => {
    if (!able) return;
    registry = await startRegistry({ catalogEntries: 2 });
    registries = await openRegistries();
    await push(at("team/box"), "v1");
  });

  it("finds what it pushed, by tag and by digest", async () => {
    const client = at("team/box", "pull");

    expect(await client.headManifest("v1")).toEqual(manifest);
    expect(await client.headManifest(manifest.digest)).toEqual(manifest);
    expect(await client.headManifest("v2")).toBeUndefined();
    expect((await client.getManifest("v1")).descriptor).toEqual(manifest);
    expect(await client.hasBlob(layer.digest)).toEqual({ size: layer.size });
    expect(await client.hasBlob(digestOf("none"))).toBeUndefined();
  });

  it("reads what it pushed, whole and from an offset", async () => {
    const client = at("team/box", "pull");

    const whole = await client.openBlob(layer);
    const rest = await client.openBlob(layer, { offset: 2_900_000 });

    expect(whole.offset).toBe(0);
    expect((await buffer(whole.body)).equals(LAYER)).toBe(true);
    expect(rest.offset).toBe(2_900_000);
    expect((await buffer(rest.body)).equals(LAYER.subarray(2_900_000))).toBe(true);
    expect(Buffer.from(await client.getBlob(config, 100)).toString()).toBe("{}");
  });

  it("says which image, tag or blob there is not", async () => {
    const client = at("team/box", "pull");

    await expect(client.getManifest("v2")).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: {
        registry: registry.host,
        repository: "team/box",
        reference: "v2",
        status: 404,
        code: "MANIFEST_UNKNOWN",
      },
    });
    await expect(client.openBlob({ ...layer, digest: digestOf("none") })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { code: "BLOB_UNKNOWN" },
    });
  });

  it("mounts a blob of another repository, and sends what cannot be mounted", async () => {
    const client = at("team/mounted");

    expect(await client.mountBlob(layer.digest, "team/box")).toBe(true);
    expect(await client.hasBlob(layer.digest)).toEqual({ size: layer.size });

    const other = Buffer.from("of nobody");
    const blob = { ...layer, digest: digestOf(other), size: other.length };
    expect(await client.mountBlob(blob.digest, "team/box")).toBe(false);
    await client.uploadBlob(blob, from(other));
    expect(await client.hasBlob(blob.digest)).toEqual({ size: blob.size });
  });

  it("begins anew with an upload that the registry drops when its connection breaks", async () => {
    const proxy = await startFaultProxy(registry.url);
    const client = registries.repository({ domain: proxy.host, path: "broken" }, { mode: "push" });
    const bytes = randomBytes(5_000_000);
    const blob = { ...layer, digest: digestOf(bytes), size: bytes.length };
    proxy.misbehave({ at: "upload-patch", does: { kind: "break", at: 0.6 } });

    await client.uploadBlob(blob, from(bytes));

    expect(proxy.count("upload-patch")).toBe(2);
    expect((await buffer((await client.openBlob(blob)).body)).equals(bytes)).toBe(true);
  });

  it.each([
    ["reset at the start", "upload-start", { kind: "reset" }],
    ["reset in the last request", "upload-put", { kind: "reset" }],
    ["refused for a moment in the middle", "upload-patch", { kind: "status", status: 503 }],
    ["refused for a moment at the end", "upload-put", { kind: "status", status: 500 }],
    ["of which the registry forgets all", "upload-patch", { kind: "status", status: 404 }],
  ] as const)("brings an upload to its end that is %s", async (_, at, does) => {
    const proxy = await startFaultProxy(registry.url);
    const client = registries.repository({ domain: proxy.host, path: "broken" }, { mode: "push" });
    const bytes = randomBytes(500_000);
    const blob = { ...layer, digest: digestOf(bytes), size: bytes.length };
    proxy.misbehave({ at, does });

    await client.uploadBlob(blob, from(bytes));

    expect(await client.hasBlob(blob.digest)).toEqual({ size: bytes.length });
  });

  it("uploads to places that are told without a host", async () => {
    const relative = await startRegistry({ relativeUrls: true });
    const client = registries.repository({ domain: relative.host, path: "box" }, { mode: "push" });

    await push(client, "latest");

    expect(await client.headManifest("latest")).toEqual(manifest);
  });

  it("lists the tags of a repository", async () => {
    const client = at("team/tags");
    await client.uploadBlob(layer, from(LAYER));
    await client.uploadBlob(config, from(CONFIG_BYTES));
    for (const tag of ["b", "a", "c"]) {
      await client.putManifest(tag, MANIFEST_BYTES, { mediaType: MANIFEST });
    }

    expect((await all(client.tags())).toSorted()).toEqual(["a", "b", "c"]);
    await expect(all(at("team/none").tags())).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { code: "NAME_UNKNOWN" },
    });
  });

  it("lists all repositories, page by page", async () => {
    const catalog = await startRegistry({ catalogEntries: 2 });
    const names = ["a", "b/c", "d", "e", "f/g/h"];
    for (const path of names) {
      await push(registries.repository({ domain: catalog.host, path }, { mode: "push" }), "v");
    }

    expect(await all(registries.catalog(catalog.host))).toEqual(names);
    const pages = (await catalog.requests()).filter(({ path }) => path.startsWith("/v2/_catalog"));
    expect(pages).toHaveLength(3);
  });

  it("finds referrers under their tag where the registry knows none", async () => {
    const client = at("team/referred");
    await push(client, "v1");
    const signature = { ...manifest, digest: digestOf("a signature"), artifactType: "text/sig" };
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [manifest],
      }),
    );

    expect(await client.referrers(manifest.digest)).toEqual([]);
    await client.putManifest(`sha256-${manifest.digest.slice(7)}`, index, {
      mediaType: "application/vnd.oci.image.index.v1+json",
    });

    expect(await client.referrers(manifest.digest)).toEqual([manifest]);
    expect(
      await client.referrers(manifest.digest, { artifactType: signature.artifactType }),
    ).toEqual([]);
  });

  it("asks a mirror first, and the registry for what that does not have", async () => {
    const mirror = await startRegistry();
    const mirrored = await Registries.open({
      registries: {
        registries: { [registry.host]: { mirrors: [mirror.url] } },
      },
    });
    endsWithTests(() => mirrored.close());
    const name = { domain: registry.host, path: "team/box" };
    await push(
      registries.repository({ ...name, domain: mirror.host }, { mode: "push" }),
      "mirrored",
    );
    const client = mirrored.repository(name, { mode: "pull" });
    const before = (await registry.requests()).length;

    expect(await client.headManifest("mirrored")).toEqual(manifest);
    expect((await registry.requests()).length).toBe(before);
    expect(await client.headManifest("v1")).toEqual(manifest);
    await mirror.stop();
    expect(await client.headManifest("v1")).toEqual(manifest);
    await expect(client.getManifest("none")).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { registry: registry.host, mirrors: [expect.stringContaining(mirror.host)] },
    });
  });

  it("is told of a registry that is not there", async () => {
    const gone = await startRegistry();
    await gone.stop();
    const hasty = await Registries.open({ registries: {}, attempts: 1 });
    const client = hasty.repository({ domain: gone.host, path: "box" }, { mode: "pull" });

    await expect(client.headManifest("latest")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ECONNREFUSED",
    });
  });

  it("ends with the signal", async () => {
    const client = at("team/box", "pull");

    await expect(client.getManifest("v1", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("a client of a registry that keeps what has arrived", () => {
  it("sends the rest after a break", async () => {
    const bytes = randomBytes(5_000_000);
    const blob = { ...layer, digest: digestOf(bytes), size: bytes.length };
    const keeping = await startKeepingRegistry(3_000_000);
    const client = (await openRegistries()).repository(
      { domain: keeping.host, path: "box" },
      { mode: "push" },
    );
    const seen: number[] = [];

    await client.uploadBlob(blob, from(bytes), { onProgress: (current) => seen.push(current) });

    expect(keeping.received().equals(bytes)).toBe(true);
    const [, second] = keeping.patches;
    expect(second?.range).toMatch(/^\d{7}-4999999$/);
    expect(Number(second?.range?.split("-")[0])).toBeGreaterThanOrEqual(3_000_000);
    expect(seen.at(-1)).toBe(bytes.length);
  });
});

/** It takes one blob, and hangs up once after so many bytes of it. */
async function startKeepingRegistry(breakAfter: number) {
  const patches: { readonly range: string | undefined }[] = [];
  let received = Buffer.alloc(0);
  const server = createServer((request, answer) => {
    const place = { location: "/v2/box/blobs/uploads/1", range: rangeOf(received) };
    if (request.method === "PATCH") {
      patches.push({ range: request.headers["content-range"] });
      request.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (patches.length === 1 && received.length > breakAfter) request.socket.destroy();
      });
      request.on("error", () => undefined);
      request.on("end", () => answer.writeHead(202, { ...place, range: rangeOf(received) }).end());
      return;
    }
    const statuses: Record<string, number> = { POST: 202, GET: 204, HEAD: 404, PUT: 201 };
    answer.writeHead(statuses[request.method ?? ""] ?? 405, place).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  endsWithTests(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, patches, received: () => received };
}

function rangeOf(received: Buffer): string {
  return `0-${Math.max(0, received.length - 1)}`;
}

describe("a client of a registry with passwords", () => {
  it("logs in, pushes and pulls with credentials, and not without", async () => {
    const auth = { username: "ana", password: "a secret word" };
    const registry = await startRegistry({ auth: { users: { ana: auth.password } } });
    const registries = await openRegistries();
    const name = { domain: registry.host, path: "box" };

    await push(registries.repository(name, { auth, mode: "push" }), "v1");

    expect(await registries.repository(name, { auth, mode: "pull" }).headManifest("v1")).toEqual(
      manifest,
    );
    expect(await registries.check(registry.host, { auth })).toEqual({});
    for (const other of [undefined, { username: "ana", password: "another" }]) {
      const access = { auth: other, authFile: "/dev/null" };
      await expect(registries.check(registry.host, access)).rejects.toMatchObject({
        code: "UNAUTHORIZED",
      });
    }
  });
});
