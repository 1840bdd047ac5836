import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../lib/oci/digest.ts";
import type { Credentials } from "../../lib/registry/credentials.ts";
import { Registries, type RepositoryAccess } from "../../lib/registry/registries.ts";
import { type Authority, makeAuthority } from "../helpers/certificates.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { openPodman } from "../helpers/podman.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { type TokenServer, startTokenServer } from "../helpers/token-server.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";

const ANN: Credentials = { username: "ann", password: "s3cret-of-ann" };
const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [],
  }),
);
const DIGEST = digestOf(MANIFEST);

expectNothingLeft();

/** Puts a document that refers to nothing, and asks for it. */
async function pushAndPull(
  registries: Registries,
  domain: string,
  access: Partial<RepositoryAccess>,
) {
  const name = { domain, path: "ann/box" };
  const pushing = registries.repository(name, { ...access, mode: "push" });
  await pushing.putManifest("1", MANIFEST, { mediaType: INDEX });
  return pull(registries, domain, access);
}

async function pull(registries: Registries, domain: string, access: Partial<RepositoryAccess>) {
  const name = { domain, path: "ann/box" };
  return registries.repository(name, { ...access, mode: "pull" }).headManifest("1");
}

/** Homes of nobody: what is found is what a test puts there. */
const ENVIRONMENT = ["HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"];
const before = new Map(ENVIRONMENT.map((name) => [name, process.env[name]]));
let home: string;

beforeEach(async () => {
  home = await temporaryFolder();
  process.env["HOME"] = home;
  process.env["DOCKER_CONFIG"] = join(home, ".docker");
  process.env["XDG_RUNTIME_DIR"] = join(home, "run");
  process.env["XDG_CONFIG_HOME"] = join(home, ".config");
});

afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

async function writeAuths(path: string, auths: object): Promise<void> {
  await mkdir(join(home, path, ".."), { recursive: true });
  await writeFile(join(home, path), JSON.stringify({ auths }));
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe.runIf(requireRegistry())(
  "a registry with passwords, over TLS with an authority of its own",
  () => {
    let authority: Authority;
    let registry: TestRegistry;
    let registries: Registries;

    beforeAll(async () => {
      authority = await makeAuthority();
      registry = await startRegistry({
        auth: { users: { ann: "s3cret-of-ann" } },
        tls: authority.issue(),
      });
    });
    beforeEach(async () => {
      const settings = { [registry.host]: { ca: authority.ca, insecure: false } };
      registries = await Registries.open({ registries: { registries: settings } });
    });
    afterEach(async () => registries.close());

    it("takes what it is pushed by whoever has the password", async () => {
      const found = await pushAndPull(registries, registry.host, { auth: ANN });

      expect(found?.digest).toBe(DIGEST);
    });

    it.each([
      { name: "Docker's file", path: ".docker/config.json", authFile: false, login: "login" },
      { name: "a file that was named", path: "a.json", authFile: true, login: "login --authfile" },
    ])("says that it does not take what $name has", async ({ path, authFile, login }) => {
      const auths = { [registry.host]: { auth: base64("ann:s3cret-of-old") } };
      await writeAuths(path, auths);
      const file = join(home, path);

      const failing = pull(registries, registry.host, authFile ? { authFile: file } : {});
      const failure: unknown = await failing.catch((error: unknown) => error);

      expect(failure).toMatchObject({
        code: "UNAUTHORIZED",
        message: expect.stringContaining(`: the credentials from ${file} were refused`) as string,
        hint: `Renew them: marmita ${login}${authFile ? ` ${file}` : ""} ${registry.host}`,
        details: { credentials: file, registry: registry.host, status: 401 },
      });
      expect(inspect(failure, { depth: 9 })).not.toMatch(/s3cret|czNjcmV0/);
    });

    it.each([
      { name: "nobody", auth: undefined },
      { name: "somebody with another password", auth: { ...ANN, password: "s3cret-but-wrong" } },
      { name: "an identity token, of which it knows nothing", auth: { identityToken: "s3cret" } },
    ])("refuses $name, who reads no secret in the error", async ({ auth }) => {
      const failure: unknown = await pull(registries, registry.host, { auth }).catch(
        (error: unknown) => error,
      );

      expect(failure).toMatchObject({ code: "UNAUTHORIZED", details: { registry: registry.host } });
      expect((failure as { hint?: string }).hint).toContain(`marmita login ${registry.host}`);
      expect(inspect(failure, { depth: 9 })).not.toMatch(/s3cret|czNjcmV0/);
    });

    it.each([
      { name: "Docker's file", path: ".docker/config.json" },
      { name: "Podman's file of this session", path: "run/containers/auth.json" },
      { name: "Podman's lasting file", path: ".config/containers/auth.json" },
    ])("finds credentials in $name", async ({ path }) => {
      await writeAuths(path, { [registry.host]: { auth: base64("ann:s3cret-of-ann") } });

      expect((await pushAndPull(registries, registry.host, {}))?.digest).toBe(DIGEST);
    });

    it.runIf(requireProgram("podman"))("finds what podman keeps", async () => {
      const peer = await openPodman();
      const authfile = join(home, ".config/containers/auth.json");
      const login = ["-u", "ann", "-p", "s3cret-of-ann", "--tls-verify=false", registry.host];
      peer.podman("login", `--authfile=${authfile}`, ...login);

      expect((await pushAndPull(registries, registry.host, {}))?.digest).toBe(DIGEST);
    });

    it("takes the credentials of the repository before those of the registry", async () => {
      await writeAuths(".config/containers/auth.json", {
        [registry.host]: { auth: base64("ann:wrong") },
        [`${registry.host}/ann`]: { auth: base64("ann:s3cret-of-ann") },
      });

      expect((await pushAndPull(registries, registry.host, {}))?.digest).toBe(DIGEST);
    });

    it("is not told a password where its certificate is nobody's", async () => {
      const others = await makeAuthority();
      const settings = { [registry.host]: { ca: others.ca, insecure: false } };
      const wary = await Registries.open({ registries: { registries: settings } });
      const count = (await registry.requests()).length;

      await expect(pull(wary, registry.host, { auth: ANN })).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
      expect((await registry.requests()).length).toBe(count);
      await wary.close();
    });
  },
);

describe.runIf(requireRegistry())("a registry with a server of tokens", () => {
  let tokens: TokenServer;
  let registry: TestRegistry;
  let registries: Registries;

  beforeAll(async () => {
    tokens = await startTokenServer({
      users: { ann: "s3cret-of-ann" },
      everybody: ["pull"],
      identityTokens: true,
    });
    registry = await startRegistry({ auth: tokens.auth });
  });
  beforeEach(async () => {
    registries = await Registries.open({ registries: {} });
    tokens.questions.length = 0;
  });
  afterEach(async () => registries.close());

  it("lets everybody pull, and those it knows push", async () => {
    expect((await pushAndPull(registries, registry.host, { auth: ANN }))?.digest).toBe(DIGEST);
    expect((await pull(registries, registry.host, {}))?.digest).toBe(DIGEST);

    await expect(pushAndPull(registries, registry.host, {})).rejects.toMatchObject({
      code: expect.stringMatching(/^(UNAUTHORIZED|DENIED)$/),
    });
    expect(tokens.questions.map(({ user, scopes }) => [user, ...scopes])).toEqual([
      ["ann", "repository:ann/box:pull,push"],
      ["ann", "repository:ann/box:pull"],
      [undefined, "repository:ann/box:pull"],
      [undefined, "repository:ann/box:pull,push"],
    ]);
  });

  it("is asked for one token for many questions at once", async () => {
    await pushAndPull(registries, registry.host, { auth: ANN });
    const before = tokens.questions.length;

    const found = await Promise.all(
      Array.from({ length: 20 }, () => pull(registries, registry.host, {})),
    );

    expect(found.map((one) => one?.digest)).toEqual(Array(20).fill(DIGEST));
    expect(tokens.questions.length).toBe(before + 1);
  });

  it("tells who has the wrong password", async () => {
    const auth = { username: "ann", password: "s3cret-but-wrong" };

    const failure: unknown = await pull(registries, registry.host, { auth }).catch(
      (error: unknown) => error,
    );

    expect(failure).toMatchObject({
      code: "UNAUTHORIZED",
      message: expect.stringContaining('the credentials given as "auth" were refused') as string,
      details: { credentials: "auth" },
    });
    expect(inspect(failure, { depth: 9 })).not.toMatch(/s3cret|czNjcmV0/);
  });

  it("gives an identity token at a login, with which one pushes", async () => {
    const { identityToken = "" } = await registries.check(registry.host, { auth: ANN });

    const found = await pushAndPull(registries, registry.host, { auth: { identityToken } });

    expect(found?.digest).toBe(DIGEST);
    expect(tokens.questions.map(({ method, user }) => `${method} ${user}`)).toEqual([
      "GET ann",
      "POST ann",
      "POST ann",
    ]);
  });

  it("refuses an identity token that was revoked", async () => {
    const { identityToken = "" } = await registries.check(registry.host, { auth: ANN });
    tokens.revoke();

    const failure: unknown = await pull(registries, registry.host, {
      auth: { identityToken },
    }).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED" });
    expect(inspect(failure, { depth: 9 })).not.toContain(identityToken);
  });
});
