import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Engine, login, logout, openEngine } from "../../lib/index.ts";
import { type Authority, makeAuthority } from "../helpers/certificates.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { startTokenServer } from "../helpers/token-server.ts";
import { startServer } from "../helpers/wire-servers.ts";

const ANN = { username: "ann", password: "s3cret-of-ann" };

describe.runIf(requireRegistry())("login() and logout()", () => {
  expectNothingLeft();

  let authority: Authority;
  let registry: TestRegistry;
  let engine: Engine;
  let authFile: string;

  beforeAll(async () => {
    authority = await makeAuthority();
    const auth = { users: { [ANN.username]: ANN.password } };
    registry = await startRegistry({ auth, tls: authority.issue() });
    engine = await openEngine({
      root: await temporaryFolder(),
      registries: { registries: { [registry.host]: { ca: authority.ca, insecure: false } } },
    });
  });
  beforeEach(async () => {
    authFile = join(await temporaryFolder(), "auth.json");
  });
  afterEach(() => delete process.env["REGISTRY_AUTH_FILE"]);
  afterAll(async () => engine.close());

  it("keep what the registry takes, and take it away again", async () => {
    const loggedIn = await login(registry.host, { ...ANN, authFile, engine });
    const kept: unknown = JSON.parse(await readFile(authFile, "utf8"));
    const loggedOut = await logout(registry.host, { authFile, engine });

    expect(loggedIn).toEqual({
      registry: registry.host,
      username: "ann",
      path: authFile,
      isNew: true,
    });
    expect(Object.keys((kept as { auths: object }).auths)).toEqual([registry.host]);
    expect(loggedOut).toEqual({ registry: registry.host, wasLoggedIn: true });
    expect(JSON.parse(await readFile(authFile, "utf8"))).toEqual({ auths: {} });
    expect(await logout(registry.host, { authFile, engine })).toMatchObject({
      wasLoggedIn: false,
    });
  });

  it("keep nothing of what is refused", async () => {
    const password = "s3cret-but-wrong";

    const failure: unknown = await login(registry.host, {
      ...ANN,
      password,
      authFile,
      engine,
    }).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "UNAUTHORIZED", details: { registry: registry.host } });
    expect(inspect(failure, { depth: 9 })).not.toMatch(/s3cret|czNjcmV0/);
    expect(existsSync(authFile)).toBe(false);
  });

  it("try what is kept, and say when it is not taken any more", async () => {
    process.env["REGISTRY_AUTH_FILE"] = authFile;
    await login(registry.host, { ...ANN, engine });

    expect(await login(registry.host, { engine })).toEqual({
      registry: registry.host,
      username: "ann",
      path: authFile,
      isNew: false,
    });
    await logout(registry.host, { engine });
    await expect(login(registry.host, { engine })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("count for what is asked next, by the same engine", async () => {
    process.env["REGISTRY_AUTH_FILE"] = authFile;
    const asking = async () => engine.images.referrers(`${registry.host}/ann/box`);
    await login(registry.host, { ...ANN, engine });
    const loggedIn: unknown = await asking().catch((error: unknown) => error);
    await logout(registry.host, { engine });
    const loggedOut: unknown = await asking().catch((error: unknown) => error);

    expect(loggedIn).toMatchObject({ code: "NOT_FOUND" });
    expect(loggedOut).toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("have tokens fetched anew, for rights may have changed", async () => {
    const tokens = await startTokenServer({ users: { ann: ANN.password } });
    const { host } = await startRegistry({ auth: tokens.auth });
    const asking = async () => engine.images.referrers(`${host}/ann/box`, { auth: ANN });
    const questionsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = tokens.questions.length;
      await work();
      return tokens.questions.length - before;
    };
    const notFound = () => expect(asking()).rejects.toMatchObject({ code: "NOT_FOUND" });

    expect(await questionsOf(notFound)).toBe(1);
    expect(await questionsOf(notFound)).toBe(0);
    await login(host, { ...ANN, authFile, engine });
    expect(await questionsOf(notFound)).toBe(1);
    await logout(host, { authFile, engine });
    expect(await questionsOf(notFound)).toBe(1);
  });

  it("ask nobody whose certificate is not vouched for", async () => {
    await using other = await openEngine({ root: await temporaryFolder(), registries: {} });
    const options = { ...ANN, authFile, engine: other };

    await expect(login(registry.host, { ...options, tlsVerify: true })).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    expect(existsSync(authFile)).toBe(false);
    await login(registry.host, { ...options, tlsVerify: false });
    expect(existsSync(authFile)).toBe(true);
  });

  it("end when they are aborted, and keep nothing", async () => {
    const abort = new AbortController();
    const silent = await startServer(() => abort.abort());

    const options = { ...ANN, authFile, engine, signal: abort.signal };

    await expect(login(silent.host, options)).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(authFile)).toBe(false);
  });

  it("keep all of several at once", async () => {
    const open = await startServer((_request, response) => void response.end("{}"));
    const names = [registry.host, open.host, `localhost:${open.port}`];

    await Promise.all(names.map((name) => login(name, { ...ANN, authFile, engine })));

    const { auths } = JSON.parse(await readFile(authFile, "utf8")) as { auths: object };
    expect(Object.keys(auths).toSorted()).toEqual(names.toSorted());
  });
});
