/** The proxy that other tests pull and push through does what they ask of it. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MANIFEST, image } from "../../fixtures/layout-writer.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PutImage, putImage } from "../helpers/registry-images.ts";
import type { Misdeed } from "../helpers/registry-misdeeds.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";
import { needProgram } from "../helpers/user-namespaces.ts";

const canRun = requireRegistry();
const LOGIN = { username: "ana", password: "quindim" };

describe.runIf(canRun)("a fault proxy", () => {
  expectNothingLeft();

  let proxy: FaultProxy;
  let guarded: FaultProxy;
  let made: PutImage;

  beforeAll(async () => {
    const { url } = await startRegistry();
    const content = randomBytes(300_000);
    made = await putImage(url, "box", "1", image([tarArchive([{ path: "file", content }])]));
    proxy = await startFaultProxy(url);
    guarded = await startFaultProxy(url, { auth: LOGIN });
  });
  beforeEach(() => {
    proxy.clear();
    guarded.clear();
  });

  const layer = () => made.layers[0]!;
  const blob = (options: RequestInit = {}) =>
    fetch(`${proxy.url}/v2/box/blobs/${layer().digest}`, {
      ...options,
      signal: AbortSignal.timeout(500),
    });
  const bytes = async (response: Response) => (await response.arrayBuffer()).byteLength;

  it("serves what the registry has, and tells of each request", async () => {
    const manifest = await fetch(`${proxy.url}/v2/box/manifests/1`, {
      headers: { accept: MANIFEST },
    });
    expect(await manifest.text()).toBe(made.manifest);
    expect(await bytes(await blob({ headers: { range: "bytes=100-" } }))).toBe(layer().size - 100);
    await (await fetch(`${proxy.url}/v2/box/blobs/${made.config.digest}`)).text();

    expect(proxy.seen).toMatchObject([
      { stage: "manifest-tag", method: "GET", status: 200, bytes: made.manifest.length },
      { stage: "blob", status: 206, range: "bytes=100-", bytes: layer().size - 100 },
      { stage: "config", status: 200, authorization: "none", fault: undefined },
    ]);
  });

  it.each<[string, Misdeed]>([
    ["before the answer", { kind: "reset" }],
    ["by what is no HTTP", { kind: "garbage" }],
    ["by time: no answer", { kind: "silence" }],
    ["by time: headers without end", { kind: "endless-headers" }],
  ])("ends a request %s", async (_, does) => {
    proxy.misbehave({ at: "blob", does });

    await expect(blob()).rejects.toThrow(/fetch failed|aborted/);

    expect(proxy.seen).toMatchObject([{ stage: "blob", status: 0, fault: does.kind }]);
  });

  it.each<[string, Misdeed]>([
    ["breaks", { kind: "break", at: 0.9 }],
    ["stalls", { kind: "stall", at: 0.9 }],
    ["never ends", { kind: "endless" }],
  ])("sends a body that %s", async (_, does) => {
    proxy.misbehave({ at: "blob", does });

    const response = await blob();

    expect(response.status).toBe(200);
    await expect(bytes(response)).rejects.toThrow(/terminated|aborted/);
    expect(await bytes(await blob())).toBe(layer().size); // once is once
  });

  it("lies about length, bytes, types", async () => {
    proxy.misbehave(
      { at: "blob", does: { kind: "resize", by: -7 } },
      { at: "blob", does: { kind: "resize", by: 7 } },
      { at: "blob", does: { kind: "flip", at: 0.5 } },
      { at: "blob", does: { kind: "header", name: "content-type", value: "text/html" } },
      { at: "blob", does: { kind: "header", name: "docker-content-digest", value: undefined } },
    );

    expect(await bytes(await blob())).toBe(layer().size - 7);
    expect(await bytes(await blob())).toBe(layer().size + 7);
    const flipped = Buffer.from(await (await blob()).arrayBuffer());
    expect((await blob()).headers.get("content-type")).toBe("text/html");
    expect((await blob()).headers.get("docker-content-digest")).toBeNull();
    const right = Buffer.from(await (await blob()).arrayBuffer());
    expect([...right].filter((byte, at) => byte !== flipped[at])).toHaveLength(1);
  });

  it("redirects to another host, which looks at the signature only", async () => {
    proxy.misbehave({ at: "blob", does: { kind: "redirect" }, after: 1, times: Infinity });

    expect((await blob()).redirected).toBe(false);
    const redirected = await blob();

    expect(await bytes(redirected)).toBe(layer().size);
    expect(new URL(redirected.url).host).not.toBe(proxy.host);
    expect(proxy.secrets.some((secret) => redirected.url.includes(secret))).toBe(true);
    expect(proxy.seen.map(({ stage }) => stage)).toEqual(["blob", "blob", "elsewhere"]);
  });

  it("cuts an upload, which this registry then gives up", async () => {
    const begun = await fetch(`${proxy.url}/v2/box/blobs/uploads/`, { method: "POST" });
    const location = begun.headers.get("location")!;
    proxy.misbehave({ at: "upload-patch", does: { kind: "break", at: 0.5 } });

    const patch = { method: "PATCH", body: randomBytes(200_000) };
    await expect(fetch(location, patch)).rejects.toThrow("fetch failed");

    expect(proxy.seen.at(-1)).toMatchObject({ stage: "upload-patch", fault: "break", status: 0 });
    expect((await fetch(location)).status).toBe(404); // some came, and it has lost count
  });

  it("asks for a token and gives it for a password", async () => {
    const refused = await fetch(`${guarded.url}/v2/box/manifests/1`);
    expect(refused.status).toBe(401);
    const challenge = refused.headers.get("www-authenticate") ?? "";
    expect(challenge).toMatch(/^Bearer realm=".*\/token",.*scope="repository:box:pull,push"$/);

    const authorization = `Basic ${btoa(`${LOGIN.username}:${LOGIN.password}`)}`;
    const given = await fetch(`${guarded.url}/token`, { headers: { authorization } });
    const { token } = (await given.json()) as { token: string };

    const headers = { authorization: `Bearer ${token}`, accept: MANIFEST };
    expect((await fetch(`${guarded.url}/v2/box/manifests/1`, { headers })).status).toBe(200);
    expect(guarded.secrets).toEqual(expect.arrayContaining([token, LOGIN.password]));
    expect((await fetch(`${guarded.url}/token`)).status).toBe(401);
  });

  it("is a registry to skopeo, also where it asks for tokens", async (context) => {
    needProgram(context, "skopeo");
    const layout = await temporaryFolder();
    guarded.misbehave({ at: "blob", does: { kind: "redirect" } });

    const credentials = `${LOGIN.username}:${LOGIN.password}`;
    const options = `--insecure-policy copy --src-tls-verify=false --src-creds ${credentials}`;
    const places = [`docker://${guarded.host}/box:1`, `oci:${layout}:box`];
    await promisify(execFile)("skopeo", [...options.split(" "), ...places]);

    expect(guarded.count("blob", "elsewhere", "token")).toBeGreaterThanOrEqual(3);
  });
});
