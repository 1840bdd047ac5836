import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  askHelper,
  eraseFromHelper,
  storeInHelper,
} from "../../lib/registry/credential-helpers.ts";
import { findCredentials, lookUpCredentials } from "../../lib/registry/find-credentials.ts";
import { output } from "../helpers/command.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";

expectNothingLeft();

const SERVER = "quay.io";
const ANN = { username: "ann", password: "s3cret" };

/** A helper `docker-credential-test` of these lines of shell; `$1` is the verb. */
async function helper(script: string) {
  const folder = await temporaryFolder();
  const program = join(folder, "docker-credential-test");
  await writeFile(program, `#!/bin/sh\ncd ${folder}\n${script}\n`);
  await chmod(program, 0o755);
  const env = { HOME: folder, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  return { folder, env };
}

const read = (folder: string, name: string) => readFile(join(folder, name), "utf8");

describe("a credential helper", () => {
  it("is asked for the server on its stdin", async () => {
    const { env, folder } = await helper(
      `echo "$@" > verb; cat > server; echo '{"ServerURL":"x","Username":"ann","Secret":"s3cret"}'`,
    );

    expect(await askHelper("test", SERVER, { env })).toEqual(ANN);
    expect(await read(folder, "verb")).toBe("get\n");
    expect(await read(folder, "server")).toBe(SERVER);
  });

  it("may have a token in the place of a password", async () => {
    const { env } = await helper(`echo '{"Username":"<token>","Secret":"id"}'`);

    expect(await askHelper("test", SERVER, { env })).toEqual({ identityToken: "id" });
  });

  it.each(["credentials not found in native keychain", "no credentials server URL"])(
    "has nothing when it says: %s",
    async (words) => {
      const { env } = await helper(`echo '${words}'; exit 1`);

      expect(await askHelper("test", SERVER, { env })).toBeUndefined();
    },
  );

  it("need not read what it is asked", async () => {
    const { env } = await helper(`exec <&-; echo '{"Username":"ann","Secret":"s3cret"}'`);

    expect(await askHelper("test", SERVER, { env })).toEqual(ANN);
  });

  it.each([
    { name: "no JSON", script: "echo s3cret", code: "CORRUPT" },
    { name: "a list", script: `echo '["s3cret"]'`, code: "CORRUPT" },
    {
      name: "a secret that is no text",
      script: `echo '{"Username":"a","Secret":["s3cret"]}'`,
      code: "CORRUPT",
    },
    {
      name: "a failure with secrets in it",
      script: `echo '{"Username":"a","Secret":"s3cret"}'; echo s3cret >&2; exit 1`,
      code: "UNAVAILABLE",
    },
    { name: "no end", script: "yes s3cret", code: "UNAVAILABLE" },
    { name: "death", script: "kill -9 $$", code: "UNAVAILABLE" },
  ])("that answers with $name is told of without its secrets", async ({ script, code }) => {
    const { env } = await helper(script);

    const failure: unknown = await askHelper("test", SERVER, { env }).catch(
      (error: unknown) => error,
    );

    expect(failure).toMatchObject({ code });
    expect(inspect(failure, { depth: 9 })).not.toContain("s3cret");
  });

  it("that fails is told of in its words", async () => {
    const { env } = await helper("echo the keychain is locked; exit 1");

    await expect(askHelper("test", SERVER, { env })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message:
        'the credential helper docker-credential-test failed at "get": the keychain is locked',
    });
  });

  it("that is not there is told of with what to do", async () => {
    const { folder } = await helper("exit 0");
    const env = { HOME: folder, PATH: folder }; // of this machine's places some may be forbidden

    await expect(askHelper("other", SERVER, { env })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOENT",
      hint: expect.stringContaining("credsStore"),
    });
  });

  it.each(["../test", "/bin/true", "a b", ""])("is no path: %j", async (name) => {
    const { env } = await helper("exit 0");

    await expect(askHelper(name, SERVER, { env })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("that does not answer is killed", async () => {
    const { env, folder } = await helper("echo $$ > pid; exec sleep 60");

    const asking = askHelper("test", SERVER, { env, timeoutMs: 300 });

    await expect(asking).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expectEnded(await read(folder, "pid"));
  });

  it("is killed when the asking is aborted", async () => {
    const { env, folder } = await helper("echo $$ > pid; exec sleep 60");
    const abort = new AbortController();

    const asking = askHelper("test", SERVER, { env, signal: abort.signal });
    const pid = await eventually("the helper runs", async () => {
      const text = await read(folder, "pid").catch(() => "");
      return text === "" ? undefined : text;
    });
    abort.abort();

    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    await expectEnded(pid);
  });

  it("is asked once by many at once", async () => {
    const { env, folder } = await helper(
      `echo x >> count; read -r line < go; echo '{"Username":"ann","Secret":"s3cret"}'`,
    );
    output(["mkfifo", join(folder, "go")]);

    const asking = Array.from({ length: 20 }, () =>
      askHelper("test", SERVER, { env, signal: new AbortController().signal }),
    );
    await writeFile(join(folder, "go"), "all have asked\n");
    const answers = await Promise.all(asking);

    expect(answers).toEqual(Array(20).fill(ANN));
    expect(await read(folder, "count")).toBe("x\n");
  });

  it("keeps and forgets", async () => {
    const { env, folder } = await helper(`echo "$1" >> verbs; cat >> input; echo >> input`);

    await storeInHelper("test", { server: SERVER, credentials: ANN }, { env });
    const token = { identityToken: "id" };
    await storeInHelper("test", { server: SERVER, credentials: token }, { env });
    await eraseFromHelper("test", SERVER, { env });

    expect(await read(folder, "verbs")).toBe("store\nstore\nerase\n");
    const [first = "", second = "", third] = (await read(folder, "input")).split("\n");
    expect(JSON.parse(first)).toEqual({ ServerURL: SERVER, Username: "ann", Secret: "s3cret" });
    expect(JSON.parse(second)).toEqual({ ServerURL: SERVER, Username: "<token>", Secret: "id" });
    expect(third).toBe(SERVER);
  });
});

describe("findCredentials", () => {
  /** Docker's file beside a helper. */
  async function configured(content: object, script: string) {
    const made = await helper(script);
    await mkdir(join(made.folder, ".docker"));
    await writeFile(join(made.folder, ".docker/config.json"), JSON.stringify(content));
    return made;
  }
  const FROM_FILE = { auth: Buffer.from("bob:of the file").toString("base64") };

  it.each([
    { name: "for all registries", content: { credsStore: "test" }, domain: SERVER, asked: SERVER },
    {
      name: "for one registry",
      content: { credsStore: "none", credHelpers: { [SERVER]: "test" } },
      domain: SERVER,
      asked: SERVER,
    },
    {
      name: "for Docker Hub, under Docker's name",
      content: { credHelpers: { "https://index.docker.io/v1/": "test" } },
      domain: "docker.io",
      asked: "https://index.docker.io/v1/",
    },
    {
      name: "for Docker Hub, under its short name",
      content: { credHelpers: { "docker.io": "test" } },
      domain: "docker.io",
      asked: "https://index.docker.io/v1/",
    },
  ])("asks the helper $name before it looks into the file", async ({ content, domain, asked }) => {
    const { env, folder } = await configured(
      { ...content, auths: { [domain]: FROM_FILE } },
      `cat > server; echo '{"Username":"ann","Secret":"s3cret"}'`,
    );

    expect(await lookUpCredentials({ domain }, { env })).toEqual({
      credentials: ANN,
      source: join(folder, ".docker/config.json"),
      helper: "docker-credential-test",
    });
    expect(await read(folder, "server")).toBe(asked);
  });

  it.each([
    { name: "has nothing", script: "echo credentials not found; exit 1" },
    { name: "fails", script: "echo locked; exit 1" },
  ])("looks into the file when the helper $name", async ({ script }) => {
    const { env } = await configured(
      { credsStore: "test", auths: { [SERVER]: FROM_FILE } },
      script,
    );

    expect(await findCredentials({ domain: SERVER }, { env })).toEqual({
      username: "bob",
      password: "of the file",
    });
  });

  it("tells that a helper fails where nothing else is found", async () => {
    const { env } = await configured({ credsStore: "test" }, "echo locked; exit 1");

    await expect(findCredentials({ domain: SERVER }, { env })).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });
});

async function expectEnded(pid: string): Promise<void> {
  await eventually(`process ${pid} ends`, () => {
    try {
      process.kill(Number(pid), 0);
      return undefined;
    } catch {
      return true;
    }
  });
}
