/** Images into a registry, and what the registry saw of it. */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../helpers/certificates.ts";
import { closeEngines, testEngine } from "../helpers/engine.ts";
import { startFaultProxy } from "../helpers/fault-proxy.ts";
import { busyboxArchive, busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { startTokenServer } from "../helpers/token-server.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces() && requireRegistry();

describe("push", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let seen = 0;

  beforeAll(async () => {
    if (able) registry = await startRegistry();
  });
  afterEach(closeEngines);

  /** What the registry was asked since the last call: `PUT blobs 201`. */
  async function asked(): Promise<readonly string[]> {
    const all = await registry.requests();
    const recent = all.slice(seen);
    seen = all.length;
    return recent.map(({ method, path, status }) => {
      const [, kind = path] =
        /\/(uploads|blobs|manifests)\//.exec(path.replace("blobs/uploads", "uploads")) ?? [];
      return `${method} ${kind} ${status}`;
    });
  }

  const lunch = (name: string, content = "feijoada\n") =>
    busyboxWith({ name, layers: [[{ path: "menu", content }]] });

  it("makes an image that another data root pulls: the same id, the same files", async () => {
    const engine = await testEngine();
    const name = `${registry.host}/lunch:1`;
    await engine.images.load(lunch(name));

    const pushed = await engine.images.push(name);

    const other = await testEngine();
    const pulled = await other.images.pull(name);
    expect(pulled.id).toBe(pushed.id);
    expect(pulled.digest).toBe(pushed.digest);
    expect(pulled.repoDigests).toContain(`${registry.host}/lunch@${pushed.digest}`);
  });

  it("sends nothing a second time, and mounts what another repository has", async () => {
    const engine = await testEngine();
    const [first, second] = [`${registry.host}/first:1`, `${registry.host}/second:1`];
    await engine.images.load(busyboxArchive({ form: "oci", gzip: true }));
    await engine.images.tag("busybox", first);
    await engine.images.push(first);
    await asked();

    await engine.images.push(first);
    expect(await asked()).toEqual(["HEAD blobs 200", "HEAD blobs 200", "PUT manifests 201"]);

    await engine.images.tag("busybox", second);
    await engine.images.push(second);
    const requests = await asked();
    // The layer is mounted; the config, which is small, is sent.
    expect(requests.filter((one) => one.startsWith("POST"))).toEqual([
      "POST uploads 201",
      "POST uploads 202",
    ]);
  });

  it("leaves nothing in the data root when it is aborted, nor a manifest there", async () => {
    const engine = await testEngine();
    const name = `${registry.host}/aborted:1`;
    await engine.images.load(lunch(name, "feijoada\n".repeat(2_000_000)));
    const abort = new AbortController();

    const pushing = engine.images.push(name, {
      compression: "keep",
      onProgress: ({ phase, currentBytes = 0 }) => {
        if (phase === "uploading" && currentBytes > 0) abort.abort();
      },
      signal: abort.signal,
    });

    await expect(pushing).rejects.toMatchObject({ name: "AbortError" });
    const left = await readdir(join(engine.root, "images"));
    expect(left.filter((each) => each.startsWith("."))).toEqual([]);
    expect(await asked()).not.toContain("PUT manifests 201");
    expect(await readFile(join(engine.root, "images/index.json"), "utf8")).not.toContain("@sha256");
  });

  it("asks for a login where there is none, and takes one, which no error tells", async () => {
    const auth = { username: "ana", password: "alho-e-sal" };
    const proxy = await startFaultProxy(registry.url, { auth });
    const engine = await testEngine();
    const name = `${proxy.host}/private/lunch:1`;
    await engine.images.load(lunch(name));

    const refused = await engine.images.push(name).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "UNAUTHORIZED", hint: expect.stringMatching(/login/) });
    const wrong = { ...auth, password: "cebola" };
    const mistaken = await engine.images
      .push(name, { auth: wrong })
      .catch((error: unknown) => error);
    expect(mistaken).toMatchObject({ code: "UNAUTHORIZED" });

    const { digest } = await engine.images.push(name, { auth });

    expect(digest).toMatch(/^sha256:/);
    const told = inspect([refused, mistaken], { depth: 9 });
    for (const secret of [...proxy.secrets, wrong.password]) expect(told).not.toContain(secret);
  });

  it("gets tokens for each repository, and for the one that a layer is mounted from", async () => {
    const authority = await makeAuthority();
    const tokens = await startTokenServer({ users: { ana: "alho-e-sal" } });
    const guarded = await startRegistry({ auth: tokens.auth, tls: authority.issue() });
    const { host } = guarded;
    const registries = { registries: { [host]: { ca: authority.ca } } };
    const engine = await testEngine({ registries });
    const auth = { username: "ana", password: "alho-e-sal" };
    await engine.images.load(busyboxArchive({ form: "oci", gzip: true }));
    await engine.images.tag("busybox", `${host}/ana/first:1`);
    await engine.images.tag("busybox", `${host}/ana/second:1`);

    await engine.images.push(`${host}/ana/first:1`, { auth });
    const mounted: unknown[] = [];
    const second = await engine.images.push(`${host}/ana/second:1`, {
      auth,
      onProgress: ({ phase, from }) => phase === "mounted" && mounted.push(from),
    });

    expect(mounted).toEqual(["ana/first"]);
    expect(tokens.questions.map(({ user, scopes }) => [user, ...scopes])).toEqual([
      ["ana", "repository:ana/first:pull,push"],
      ["ana", "repository:ana/second:pull,push"],
      ["ana", "repository:ana/first:pull", "repository:ana/second:pull,push"],
    ]);
    const other = await testEngine({ registries });
    const pulled = await other.images.pull(`${host}/ana/second:1`, { auth });
    expect(pulled.digest).toBe(second.digest);
  });

  it("goes on where an upload broke off, with the same bytes", async () => {
    const proxy = await startFaultProxy(registry.url);
    const engine = await testEngine();
    const name = `${proxy.host}/broken:1`;
    await engine.images.load(lunch(name, "feijoada\n".repeat(500_000)));
    proxy.misbehave({ at: "upload-patch", does: { kind: "break", at: 0.5 } });

    const { digest } = await engine.images.push(name, { compression: "keep" });

    expect(proxy.seen.filter(({ fault }) => fault === "break")).toHaveLength(1);
    const other = await testEngine();
    expect(await other.images.pull(`${registry.host}/broken@${digest}`)).toMatchObject({ digest });
  });

  it("says that the store's own blob is damaged, when the registry refuses it", async () => {
    const engine = await testEngine();
    const name = `${registry.host}/damaged:1`;
    await engine.images.load(busyboxWith({ name, form: "oci", gzip: true }));
    const { layers } = await engine.images.get(name);
    const digest = layers[0]?.descriptor.digest ?? "";
    const blob = join(engine.root, "images/blobs/sha256", digest.slice("sha256:".length));
    const bytes = await readFile(blob);
    bytes[bytes.length - 9] = (bytes[bytes.length - 9] ?? 0) ^ 1;
    await writeFile(blob, bytes);

    await expect(engine.images.push(name)).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(`blob ${digest} holds bytes of sha256:`),
      hint: expect.stringContaining("damaged"),
    });
  });

  it("pushes all tags of a repository, and tells each as an event", async () => {
    const engine = await testEngine();
    const repository = `${registry.host}/all`;
    await engine.images.load(lunch(`${repository}:1`));
    await engine.images.tag(`${repository}:1`, `${repository}:2`);
    const since = new Date();

    const pushed = await engine.images.pushAll(repository);

    expect(pushed.map(({ name }) => name)).toEqual([`${repository}:1`, `${repository}:2`]);
    const told: string[] = [];
    for await (const event of engine.events({ since, until: new Date() })) {
      if (event.type === "image" && event.action === "push") told.push(event.id);
    }
    expect(told).toEqual([`${repository}:1`, `${repository}:2`]);
  });

  it("says where nobody listens, and what to do where a name has no registry", async () => {
    const engine = await testEngine();
    await engine.images.load(lunch("127.0.0.1:1/lunch:1"));

    await expect(engine.images.push("127.0.0.1:1/lunch:1")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ECONNREFUSED",
    });
  });

  it("refuses options that make no sense, and quotes no password", async () => {
    const engine = await testEngine();
    const auth = { username: "ana", password: 12_345_678 };

    // @ts-expect-error a wrong type
    const pushing = engine.images.push("lunch", { auth });

    await expect(pushing).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(pushing).rejects.not.toThrow(/12345678/);
  });
});

describe("referrers", () => {
  const ARTIFACT = "application/vnd.example.sbom";

  it("are found under the tag that registries without the API have for them", async () => {
    if (!able) return;
    const registry = await startRegistry();
    const engine = await testEngine();
    const name = `${registry.host}/lunch:1`;
    await engine.images.load(busyboxWith({ name, layers: [[{ path: "menu", content: "rice" }]] }));
    const { digest } = await engine.images.push(name);
    const artifact = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size: 2,
      artifactType: ARTIFACT,
    };
    const index = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [artifact],
    };
    const tag = digest.replace(":", "-");
    const put = await fetch(`${registry.url}/v2/lunch/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": index.mediaType },
      body: JSON.stringify(index),
    });
    expect(put.status).toBe(201);

    const found = await engine.images.referrers(name);
    expect(found).toEqual([artifact]);
    expect(await engine.images.referrers(name, { artifactType: "other" })).toEqual([]);
    expect(await engine.images.referrers(`${registry.host}/lunch@${digest}`)).toEqual([artifact]);
    await expect(engine.images.referrers(`${registry.host}/lunch:2`)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
