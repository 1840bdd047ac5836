import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { findCredentials } from "../../../lib/registry/find-credentials.ts";
import { output } from "../../helpers/command.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const ANN = { auth: base64("ann:a secret") };
const BOB = { auth: base64("bob:b:secret") };

/** A home directory with files in it; `env` has nothing else. */
async function home(files: Record<string, unknown> = {}) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  const env: Record<string, string> = { HOME: folder, PATH: join(folder, "bin") };
  return { folder, env };
}

describe("findCredentials", () => {
  it("finds nothing where nothing is", async () => {
    const { env } = await home();

    expect(await findCredentials({ domain: "quay.io" }, { env })).toBeUndefined();
  });

  it.each([
    { name: "the host", key: "quay.io", domain: "quay.io" },
    { name: "the host and its port", key: "a.io:5000", domain: "a.io:5000" },
    { name: "an old URL of the host", key: "https://quay.io/v2/", domain: "quay.io" },
    { name: "a URL without TLS", key: "http://localhost:5000", domain: "localhost:5000" },
    { name: "Docker's name of the Hub", key: "https://index.docker.io/v1/", domain: "docker.io" },
    { name: "Podman's name of the Hub", key: "docker.io", domain: "docker.io" },
    { name: "the Hub's host", key: "registry-1.docker.io", domain: "docker.io" },
    { name: "a name space", key: "quay.io/ann", domain: "quay.io", path: "ann/box" },
    { name: "a repository", key: "quay.io/ann/box", domain: "quay.io", path: "ann/box" },
    { name: "official images", key: "docker.io/library", domain: "docker.io", path: "library/a" },
  ])("finds an entry by $name", async ({ key, domain, path }) => {
    const { env } = await home({ ".docker/config.json": { auths: { [key]: ANN } } });

    const found = await findCredentials({ domain, path }, { env });

    expect(found).toEqual({ username: "ann", password: "a secret" });
  });

  it.each([
    { name: "another port", key: "quay.io:443", path: "ann/box" },
    { name: "another name space", key: "quay.io/bob", path: "ann/box" },
    { name: "the start of a word", key: "quay.io/an", path: "ann/box" },
    { name: "a repository below", key: "quay.io/ann/box/more", path: "ann/box" },
    { name: "a name space, for the registry as a whole", key: "quay.io/ann", path: undefined },
  ])("does not take the entry of $name", async ({ key, path }) => {
    const { env } = await home({ ".docker/config.json": { auths: { [key]: ANN } } });

    expect(await findCredentials({ domain: "quay.io", path }, { env })).toBeUndefined();
  });

  it("takes the entry with the longest path", async () => {
    const auths = { "quay.io": ANN, "quay.io/bob": ANN, "quay.io/bob/box": BOB };
    const { env } = await home({ ".docker/config.json": { auths } });

    const found = await findCredentials({ domain: "quay.io", path: "bob/box" }, { env });

    expect(found).toEqual({ username: "bob", password: "b:secret" });
  });

  it.each([
    { entry: { ...ANN, identitytoken: "id" }, found: { identityToken: "id" } },
    { entry: { registrytoken: "reg" }, found: { registryToken: "reg" } },
    { entry: { username: "u", password: "p" }, found: { username: "u", password: "p" } },
    { entry: { username: "<token>", password: "id" }, found: { identityToken: "id" } },
    { entry: { auth: base64("<token>:id") }, found: { identityToken: "id" } },
    { entry: { auth: base64("u:p\0\0") }, found: { username: "u", password: "p" } },
    { entry: {}, found: undefined },
    { entry: { auth: "" }, found: undefined },
    { entry: null, found: undefined },
  ])("reads the entry $entry", async ({ entry, found }) => {
    const { env } = await home({ ".docker/config.json": { auths: { "quay.io": entry } } });

    expect(await findCredentials({ domain: "quay.io" }, { env })).toEqual(found);
  });

  it("asks Docker's file, then Podman's of this session, then the lasting one", async () => {
    const entry = (word: string) => ({ auths: { "quay.io": { auth: base64(`u:${word}`) } } });
    const { folder, env } = await home({
      "docker/config.json": entry("docker"),
      "run/containers/auth.json": entry("run"),
      ".config/containers/auth.json": entry("config"),
      "xdg/containers/auth.json": entry("xdg"),
    });
    const found = async (more: Record<string, string>) => {
      const credentials = await findCredentials(
        { domain: "quay.io" },
        { env: { ...env, ...more } },
      );
      return credentials !== undefined && "password" in credentials && credentials.password;
    };
    const run = { XDG_RUNTIME_DIR: join(folder, "run") };

    expect(await found({ ...run, DOCKER_CONFIG: join(folder, "docker") })).toBe("docker");
    expect(await found(run)).toBe("run");
    expect(await found({})).toBe("config");
    expect(await found({ XDG_CONFIG_HOME: join(folder, "xdg") })).toBe("xdg");
  });

  it("prefers what DOCKER_AUTH_CONFIG has", async () => {
    const { env } = await home({ ".docker/config.json": { auths: { "quay.io": ANN } } });
    const variable = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "quay.io": BOB } }) };

    const found = await findCredentials({ domain: "quay.io" }, { env: { ...env, ...variable } });

    expect(found).toEqual({ username: "bob", password: "b:secret" });
  });

  it("looks into no other file than the one that was named", async () => {
    const { folder, env } = await home({
      ".docker/config.json": { auths: { "quay.io": ANN } },
      "mine.json": { auths: {} },
    });
    const mine = join(folder, "mine.json");

    expect(await findCredentials({ domain: "quay.io" }, { env, authFile: mine })).toBeUndefined();
    const named = { env: { ...env, REGISTRY_AUTH_FILE: mine } };
    expect(await findCredentials({ domain: "quay.io" }, named)).toBeUndefined();
  });

  it("says that a file that was named is not there", async () => {
    const { folder, env } = await home();

    const finding = findCredentials(
      { domain: "quay.io" },
      { env, authFile: join(folder, "none.json") },
    );

    await expect(finding).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it.each([
    { name: "no JSON", content: '{"auths": {"quay.io": {"auth": "c2VjcmV0"' },
    { name: "a list", content: '["c2VjcmV0"]' },
    { name: "no name and password", content: '{"auths":{"quay.io":{"auth":"c2VjcmV0"}}}' },
  ])("says that a file has $name, without what is in it", async ({ content }) => {
    const { env } = await home({ ".docker/config.json": content });

    const failure: unknown = await findCredentials({ domain: "quay.io" }, { env }).catch(
      (error: unknown) => error,
    );

    expect(failure).toMatchObject({ code: "CORRUPT" });
    expect(inspect(failure, { depth: 9 })).not.toContain("c2VjcmV0");
    expect(inspect(failure, { depth: 9 })).not.toContain("secret");
  });

  it("does not wait for a pipe in the place of a file", async () => {
    const { folder, env } = await home({ ".docker/other": "" });
    output(["mkfifo", join(folder, ".docker/config.json")]);

    const finding = findCredentials({ domain: "quay.io" }, { env });

    await expect(finding).rejects.toMatchObject({ code: "UNAVAILABLE", errno: "EINVAL" });
  });

  it("passes over a file that it cannot read, when another has something", async () => {
    const { env } = await home({
      ".docker/config.json": "{",
      ".config/containers/auth.json": { auths: { "quay.io": ANN } },
    });

    const found = await findCredentials({ domain: "quay.io" }, { env });

    expect(found).toEqual({ username: "ann", password: "a secret" });
  });

  it("takes an empty file for one that says nothing", async () => {
    const { env } = await home({ ".docker/config.json": "" });

    expect(await findCredentials({ domain: "quay.io" }, { env })).toBeUndefined();
  });
});
