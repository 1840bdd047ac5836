/** What a pulled image is called, and pulls that run and create begin with. */
import { spawnSync } from "node:child_process";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ARCHITECTURE } from "../../fixtures/layout-writer.mjs";
import type { EngineEvent } from "../../lib/engine/event-log.ts";
import type { TransferProgress } from "../../lib/images/progress.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PutBusybox, putBusybox } from "../helpers/pulling.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { startServer } from "../helpers/wire-servers.ts";
import { PROGRAM } from "./cli-command.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OTHER = ARCHITECTURE === "arm64" ? "amd64" : "arm64";
const QUIET = { remove: true, network: "none" } as const;

describe.runIf(requireUserNamespaces() && requireRegistry())("an image", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let box: PutBusybox;

  beforeAll(async () => {
    registry = await startRegistry();
    box = await putBusybox(registry, { layers: [100] });
  });

  afterEach(() => void vi.unstubAllEnvs());

  /** An index of `box` and of one for another processor, under a tag. */
  async function putIndex(tag: string): Promise<{ digest: string; other: PutBusybox }> {
    const other = await putBusybox(registry, {
      tag: `${tag}-other`,
      layers: [50],
      overrides: { architecture: OTHER },
    });
    const line = ({ digest, manifest }: PutBusybox, architecture: string) => {
      return {
        mediaType: MANIFEST,
        digest,
        size: Buffer.byteLength(manifest),
        platform: { os: "linux", architecture },
      };
    };
    const manifests = [line(other, OTHER), line(box, ARCHITECTURE)];
    const put = await fetch(`${registry.url}/v2/box/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": INDEX },
      body: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, annotations: { tag } }),
    });
    expect(put.status).toBe(201);
    return { digest: put.headers.get("docker-content-digest") ?? "", other };
  }

  it("of an index is that of this platform, and is known by both digests", async () => {
    const { digest } = await putIndex("index");
    const engine = await testEngine();
    const repository = `${registry.host}/box`;
    const pulled = await engine.images.pull(`${repository}:index`);

    expect(pulled).toMatchObject({ remoteDigest: digest, digest: box.digest, isNew: true });
    const repoDigests = [`${repository}@${digest}`, `${repository}@${box.digest}`];
    expect(pulled.repoDigests).toEqual(repoDigests);
    for (const name of repoDigests) expect((await engine.images.get(name)).id).toBe(pulled.id);
    expect((await engine.images.inspect(pulled.id)).RepoDigests).toEqual(repoDigests);

    const before = (await registry.requests()).length;
    expect(await engine.images.pull(`${repository}:index`)).toMatchObject({ isNew: false });
    const asked = (await registry.requests()).slice(before);
    expect(asked.filter(({ path }) => path !== "/v2/")).toMatchObject([{ method: "HEAD" }]);
  });

  it("of an index is another when that is asked for, or none", async () => {
    const { other } = await putIndex("platforms");
    const engine = await testEngine();
    const name = `${registry.host}/box:platforms`;
    await engine.images.pull(name);
    const pulled = await engine.images.pull(name, { platform: `linux/${OTHER}` });
    expect(pulled).toMatchObject({ digest: other.digest, isNew: true, names: [name] });
    // The digest of the index means that of this machine.
    const exact = `${registry.host}/box@${pulled.remoteDigest}`;
    expect((await engine.images.get(exact)).digest).toBe(box.digest);

    await expect(engine.images.pull(name, { platform: "linux/s390x" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      details: { wanted: "linux/s390x" },
    });
    await expect(engine.images.pull(other.name)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("pulled by its digest gets no name, and is not asked for again", async () => {
    const engine = await testEngine();
    const name = `${registry.host}/box@${box.digest}`;
    const pulled = await engine.images.pull(name);
    expect(pulled).toMatchObject({ names: [], repoDigests: [name], reference: name, isNew: true });
    const { exitCode } = await engine.containers.run(name, ["true"], QUIET);
    expect(exitCode).toBe(0);

    const before = (await registry.requests()).length;
    expect(await engine.images.pull(name)).toMatchObject({ isNew: false });
    expect((await registry.requests()).length).toBe(before);

    expect(await engine.images.remove(name)).toMatchObject({ untagged: [name] });
    expect(await engine.images.list()).toEqual([]);
  });

  it("whose tag moved on stays, known by its digest, until that is removed", async () => {
    const engine = await testEngine();
    const first = await putBusybox(registry, { repository: "moving", layers: [10] });
    const old = await engine.images.pull(first.name);
    const second = await putBusybox(registry, { repository: "moving", layers: [20] });
    const now = await engine.images.pull(first.name);

    expect(now).toMatchObject({ isNew: true, digest: second.digest, names: [first.name] });
    const exact = `${registry.host}/moving@${first.digest}`;
    expect(await engine.images.get(exact)).toMatchObject({ id: old.id, names: [] });
    await engine.images.remove(exact);
    expect(await engine.images.find(old.id)).toBeUndefined();
    expect((await engine.images.remove(first.name)).untagged).toEqual([
      first.name,
      `${registry.host}/moving@${second.digest}`,
    ]);
  });

  it("comes with all tags of its repository", async () => {
    const engine = await testEngine();
    const one = await putBusybox(registry, { repository: "tags", tag: "one", layers: [1] });
    const two = await putBusybox(registry, { repository: "tags", tag: "two", layers: [2] });
    const pulled = await engine.images.pullAll(`${registry.host}/tags`);
    expect(pulled.map(({ reference }) => reference)).toEqual([one.name, two.name]);
    await expect(engine.images.pullAll(one.name)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("that is not there is NOT_FOUND, and what is no name INVALID_ARGUMENT", async () => {
    const engine = await testEngine();
    for (const name of [`${registry.host}/box:no`, `${registry.host}/nobody:1`]) {
      await expect(engine.images.pull(name)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    for (const name of ["host", "scratch", box.config.digest, "a/B", "a@sha256:12"]) {
      await expect(engine.images.pull(name)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(engine.images.pull(box.name, { platform: "vax" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("is looked for where short names may be from, in turn", async () => {
    const short = await putBusybox(registry, { repository: "short", tag: "latest", layers: [7] });
    const empty = await startRegistry();
    const engine = await testEngine({
      registries: { shortNames: [empty.host, registry.host] },
    });
    const { names } = await engine.images.pull("short");
    expect(names).toEqual([short.name]);
    const before = (await registry.requests()).length;
    expect((await engine.containers.run("short", ["true"], QUIET)).exitCode).toBe(0);
    expect((await registry.requests()).length).toBe(before);
    await expect(engine.images.pull("nowhere")).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { tried: [`${empty.host}/nowhere:latest`, `${registry.host}/nowhere:latest`] },
    });
  });

  it("is pulled for a container when it is missing, and told of", async () => {
    const engine = await testEngine();
    const told: TransferProgress[] = [];
    const onPullProgress = (progress: TransferProgress) => void told.push(progress);
    const { exitCode } = await engine.containers.run(box.name, ["true"], {
      ...QUIET,
      onPullProgress,
    });
    expect(exitCode).toBe(0);
    expect(told.at(-1)).toMatchObject({ phase: "done", isNew: true });
    const seen: EngineEvent[] = [];
    for await (const event of engine.events({ since: "1h", until: new Date() })) seen.push(event);
    expect(seen[0]).toMatchObject({ type: "image", action: "pull", id: box.name });

    told.length = 0;
    await engine.containers.create({ image: box.name, onPullProgress });
    expect(told).toEqual([]);
  });

  it("that is removed between its pull and its container is pulled once more", async () => {
    const engine = await testEngine();
    let pulls = 0;
    const onPullProgress = ({ phase, layer }: TransferProgress) => {
      if (phase !== "done" || layer !== undefined || ++pulls > 1) return;
      const { root } = engine;
      const rmi = spawnSync(process.execPath, [PROGRAM, "--root", root, "rmi", "-f", box.name]);
      expect(rmi.status).toBe(0);
    };

    const run = engine.containers.run(box.name, ["true"], { ...QUIET, onPullProgress });

    expect(await run).toMatchObject({ exitCode: 0 });
    expect(pulls).toBe(2);
  });

  it("is never pulled, or always, as is asked for", async () => {
    const engine = await testEngine();
    const missing = { code: "NOT_FOUND", message: `no such image: ${box.name}` };
    const never = engine.containers.create({ image: box.name, pull: "never" });
    await expect(never).rejects.toMatchObject(missing);

    const first = await putBusybox(registry, { repository: "always", layers: [10] });
    await engine.images.pull(first.name);
    const second = await putBusybox(registry, { repository: "always", layers: [20] });
    const { record } = await engine.containers.create({ image: first.name, pull: "always" });
    expect(record.image).toMatchObject({ name: first.name, id: second.config.digest });
    const wrong = engine.containers.create({ image: box.name, pull: "sometimes" as "never" });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("for another platform than the one here is pulled, if there is one", async () => {
    await putIndex("run");
    const engine = await testEngine();
    const name = `${registry.host}/box:run`;
    await engine.images.pull(name, { platform: `linux/${OTHER}` });
    const platform = `linux/${ARCHITECTURE}`;
    const { exitCode } = await engine.containers.run(name, ["true"], { ...QUIET, platform });
    expect(exitCode).toBe(0);

    await engine.images.tag(name, `${registry.host}/box:only-here`);
    const other = { image: `${registry.host}/box:only-here`, platform: `linux/${OTHER}` };
    await expect(engine.containers.create(other)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("that is to be pulled always needs the registry, one that is here does not", async () => {
    const gone = await startRegistry();
    const put = await putBusybox(gone);
    const engine = await testEngine();
    await engine.images.pull(put.name);
    await gone.stop();
    expect((await engine.containers.run(put.name, ["true"], QUIET)).exitCode).toBe(0);
    const always = engine.containers.run(put.name, ["true"], { ...QUIET, pull: "always" });
    await expect(always).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("that a registry wants to know us for says that the file of credentials is not there", async () => {
    const server = await startServer((_, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="box"' }).end();
    });
    vi.stubEnv("REGISTRY_AUTH_FILE", "/nobody/has/auth.json");
    const engine = await testEngine();

    await expect(
      engine.containers.run(`${server.host}/box`, ["true"], QUIET),
    ).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("/nobody/has/auth.json") as string,
    });
  });

  it("of a blocked registry is just not here", async () => {
    const engine = await testEngine({
      registries: { registries: { "docker.io": { blocked: true } } },
    });
    await expect(engine.containers.run("nobody/has:it", ["true"], QUIET)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no such image: nobody/has:it",
    });
    await expect(engine.images.pull("busybox")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
