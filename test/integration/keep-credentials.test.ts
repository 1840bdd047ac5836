import { chmod, lstat, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { findCredentials } from "../../lib/registry/find-credentials.ts";
import { dropCredentials, keepCredentials } from "../../lib/registry/keep-credentials.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { openPodman } from "../helpers/podman.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";

expectNothingLeft();

const ANN = { username: "ann", password: "s3cret" };
const LOGIN = { domain: "quay.io", username: "ann", credentials: ANN };
const ENTRY = { auth: Buffer.from("ann:s3cret").toString("base64") };

let folder: string;
let env: Record<string, string>;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  env = { HOME: folder, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  path = join(folder, ".docker/config.json");
});

async function write(content: object | string): Promise<void> {
  await mkdir(join(folder, ".docker"), { recursive: true });
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
}

const content = async (): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));
const modeOf = async (file: string) => ((await lstat(file)).mode & 0o7777).toString(8);

describe("keepCredentials", () => {
  it("makes a file that only its owner reads", async () => {
    const kept = await keepCredentials(LOGIN, { env });

    expect(kept).toEqual({ path, isNew: true });
    expect(await content()).toEqual({ auths: { "quay.io": ENTRY } });
    expect(await modeOf(path)).toBe("600");
    expect(await modeOf(join(folder, ".docker"))).toBe("700");
    expect(await readdir(join(folder, ".docker"))).toEqual(["config.json"]);
    expect(await findCredentials({ domain: "quay.io" }, { env })).toEqual(ANN);
  });

  it("leaves what else is in the file, and takes the rights of others away", async () => {
    const before = {
      HttpHeaders: { "X-A": "b" },
      auths: { "a.io": { auth: "YTpi", x: 1 } },
      z: [],
    };
    await write(before);
    await chmod(path, 0o644);

    await keepCredentials(LOGIN, { env });

    expect(await content()).toEqual({ ...before, auths: { ...before.auths, "quay.io": ENTRY } });
    expect(await modeOf(path)).toBe("600");
  });

  it("takes the place of what was kept under other spellings", async () => {
    await write({ auths: { "https://quay.io/v1/": { auth: "YTpi" }, "quay.io/ann": ENTRY } });

    await keepCredentials(LOGIN, { env });

    expect(await content()).toEqual({ auths: { "quay.io/ann": ENTRY, "quay.io": ENTRY } });
  });

  it("knows Docker Hub by Docker's name", async () => {
    await keepCredentials({ ...LOGIN, domain: "docker.io" }, { env });

    expect(await content()).toEqual({ auths: { "https://index.docker.io/v1/": ENTRY } });
  });

  it("keeps a token in the place of the password", async () => {
    await keepCredentials({ ...LOGIN, credentials: { identityToken: "id" } }, { env });

    const auth = Buffer.from("ann:").toString("base64");
    expect(await content()).toEqual({ auths: { "quay.io": { auth, identitytoken: "id" } } });
    expect(await findCredentials({ domain: "quay.io" }, { env })).toEqual({ identityToken: "id" });
  });

  it("says whether anything has changed", async () => {
    await keepCredentials(LOGIN, { env });

    expect(await keepCredentials(LOGIN, { env })).toEqual({ path, isNew: false });
  });

  it("writes to the file that was named", async () => {
    const named = join(folder, "more/auth.json");

    await keepCredentials(LOGIN, { env: { ...env, REGISTRY_AUTH_FILE: named } });

    expect(await readdir(folder)).toEqual(["more"]);
    expect(await modeOf(named)).toBe("600");
  });

  it("leaves a link one", async () => {
    await mkdir(join(folder, ".docker"));
    await writeFile(join(folder, "elsewhere.json"), "{}");
    await symlink("../elsewhere.json", path);

    await keepCredentials(LOGIN, { env });

    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await content()).toEqual({ auths: { "quay.io": ENTRY } });
  });

  it("gives the password to the helper that the file names", async () => {
    await helper(`echo "$1" >> ${folder}/verbs; cat > ${folder}/input`);
    await write({ credsStore: "test" });

    const kept = await keepCredentials(LOGIN, { env });

    expect(kept).toEqual({ path, helper: "test", isNew: true });
    expect(await content()).toEqual({ credsStore: "test", auths: { "quay.io": {} } });
    expect(JSON.parse(await readFile(join(folder, "input"), "utf8"))).toEqual({
      ServerURL: "quay.io",
      Username: "ann",
      Secret: "s3cret",
    });
  });

  it("changes nothing when the helper does not take it", async () => {
    await helper("echo locked; exit 1");
    await write({ credsStore: "test" });

    await expect(keepCredentials(LOGIN, { env })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await content()).toEqual({ credsStore: "test" });
  });

  it.each(["{", "[]", "s3cret"])("does not replace what it cannot read: %s", async (text) => {
    await write(text);

    await expect(keepCredentials(LOGIN, { env })).rejects.toMatchObject({ code: "CORRUPT" });
    expect(await readFile(path, "utf8")).toBe(text);
    expect(await readdir(join(folder, ".docker"))).toEqual(["config.json"]);
  });

  it("says which file it cannot write", async () => {
    await writeFile(join(folder, "file"), "");

    const keeping = keepCredentials(LOGIN, { env, authFile: join(folder, "file/auth.json") });

    await expect(keeping).rejects.toMatchObject({ code: "UNAVAILABLE", errno: "ENOTDIR" });
  });

  it("loses none of many at once", async () => {
    const domains = Array.from({ length: 30 }, (_, index) => `registry-${index}.io`);

    await Promise.all(domains.map((domain) => keepCredentials({ ...LOGIN, domain }, { env })));

    const auths = Object.fromEntries(domains.map((domain) => [domain, ENTRY]));
    expect(await content()).toEqual({ auths });
    expect(await readdir(join(folder, ".docker"))).toEqual(["config.json"]);
  });

  it("clears away what a killed one left", async () => {
    await write({});
    await writeFile(`${path}.marmita-draft`, "half", { mode: 0o600 });

    await keepCredentials(LOGIN, { env });

    expect(await readdir(join(folder, ".docker"))).toEqual(["config.json"]);
  });
});

describe("dropCredentials", () => {
  it("takes all of a registry, and nothing else", async () => {
    const others = { "a.io": ENTRY, "quay.io/ann": ENTRY };
    await write({ x: 1, auths: { ...others, "quay.io": ENTRY, "https://quay.io/v1/": ENTRY } });

    expect(await dropCredentials("quay.io", { env })).toBe(true);
    expect(await content()).toEqual({ x: 1, auths: others });
  });

  it("is fine where there is nothing", async () => {
    expect(await dropCredentials("quay.io", { env })).toBe(false);
    expect(await readdir(folder)).toEqual([]);

    await write({ auths: {} });
    expect(await dropCredentials("quay.io", { env })).toBe(false);
    expect(await content()).toEqual({ auths: {} });
  });

  it("has the helper forget too", async () => {
    await helper(`echo "$1" >> ${folder}/verbs; cat > ${folder}/input`);
    await write({ credHelpers: { "docker.io": "test" }, auths: {} });

    await dropCredentials("docker.io", { env });

    expect(await readFile(join(folder, "verbs"), "utf8")).toBe("erase\n");
    expect(await readFile(join(folder, "input"), "utf8")).toBe("https://index.docker.io/v1/");
  });
});

describe("what is kept", () => {
  it.runIf(requireProgram("podman"))("is what podman finds", async () => {
    await keepCredentials(LOGIN, { env });

    const peer = await openPodman();

    expect(peer.podman("login", "--get-login", `--authfile=${path}`, "quay.io")).toBe("ann\n");
  });
});

async function helper(script: string): Promise<void> {
  const program = join(folder, "docker-credential-test");
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
}
