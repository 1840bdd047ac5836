import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { finished } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type TestRegistry, requireRegistry, startRegistry } from "../helpers/registry.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { type TokenServer, startTokenServer } from "../helpers/token-server.ts";
import { Cli, PROGRAM } from "./cli-command.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const SECRET = "s3cret-of-ann";
const auth = Buffer.from(`ann:${SECRET}`).toString("base64");

describe.runIf(requireRegistry())("marmita login", () => {
  expectNothingLeft();

  let registry: TestRegistry;
  let cli: Cli;
  let home: string;
  let env: Record<string, string>;
  let terminal: TestTerminal | undefined;

  beforeAll(async () => {
    registry = await startRegistry({ auth: { users: { ann: SECRET } } });
    cli = new Cli(await temporaryFolder());
  });
  beforeEach(async () => {
    home = await temporaryFolder();
    env = {
      HOME: home,
      DOCKER_CONFIG: join(home, ".docker"),
      XDG_RUNTIME_DIR: join(home, "run"),
      XDG_CONFIG_HOME: join(home, ".config"),
    };
  });
  afterEach(async () => terminal?.[Symbol.asyncDispose]());

  const path = () => join(home, ".docker/config.json");
  const content = async (): Promise<unknown> => JSON.parse(await readFile(path(), "utf8"));
  const login = (args: readonly string[], input?: string) =>
    cli.call(["login", ...args], { env, ...(input !== undefined && { input }) });

  /** `marmita login` on a terminal. */
  function inTerminal(args: readonly string[]): TestTerminal {
    const all = { ...process.env, ...env, MARMITA_ROOT: cli.root };
    terminal = new TestTerminal([process.execPath, PROGRAM, "login", ...args], { env: all });
    return terminal;
  }

  it("keeps what the registry takes, as Docker does", async () => {
    const { exitCode, stdout, stderr } = await login(
      ["-u", "ann", "--password-stdin", registry.host],
      `${SECRET}\n`,
    );

    expect(stdout).toBe("Login Succeeded\n");
    expect(stderr).toBe(
      `WARNING! Your credentials are stored unencrypted in '${path()}'.\n` +
        "A credential helper would keep them safe; docs/credentials.md tells how to name one.\n",
    );
    expect(exitCode).toBe(0);
    expect(await content()).toEqual({ auths: { [registry.host]: { auth } } });
    expect((await lstat(path())).mode & 0o777).toBe(0o600);
  });

  it("is quiet about a file that has it already", async () => {
    const args = ["-u", "ann", "--password-stdin", registry.host];
    await login(args, SECRET);

    const again = await login(args, SECRET);

    expect(again).toEqual({ exitCode: 0, stdout: "Login Succeeded\n", stderr: "" });
  });

  it("warns of a password on the command line", async () => {
    const { exitCode, stderr } = await login(["-u", "ann", "-p", SECRET, registry.host]);

    expect(exitCode).toBe(0);
    expect(stderr).toMatch(
      /^WARNING! Using --password via the CLI is insecure\. Use --password-stdin\.\n/,
    );
    expect(stderr).not.toContain(SECRET);
  });

  it("keeps nothing that the registry does not take", async () => {
    const { exitCode, stdout, stderr } = await login(
      ["-u", "ann", "--password-stdin", registry.host],
      "s3cret-but-wrong",
    );

    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(
      `marmita: ${registry.host} does not take this username and password\n`,
    );
    expect(stderr).not.toContain("s3cret");
    await expect(content()).rejects.toThrow("ENOENT");
  });

  it("tells nothing secret when it is asked for causes", async () => {
    const { stderr } = await cli.call(["login", "-u", "ann", "--password-stdin", registry.host], {
      env: { ...env, MARMITA_DEBUG: "1" },
      input: "s3cret-but-wrong",
    });

    expect(stderr).toContain("    at ");
    expect(stderr).not.toMatch(/s3cret|czNjcmV0/);
  });

  it("uses what is kept, where neither name nor password is given", async () => {
    await login(["-u", "ann", "--password-stdin", registry.host], SECRET);

    const again = await login([`http://${registry.host}/v1/`]);

    expect(again).toEqual({
      exitCode: 0,
      stdout: "Login Succeeded\n",
      stderr: "Authenticating with existing credentials... [Username: ann]\n",
    });
  });

  it("writes to the file it is told", async () => {
    const file = join(home, "auth.json");

    await login(["-u", "ann", "--password-stdin", "--authfile", file, registry.host], SECRET);

    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      auths: { [registry.host]: { auth } },
    });
    await expect(content()).rejects.toThrow("ENOENT");
  });

  it.each([
    {
      name: "a password without a name",
      args: ["--password-stdin"],
      says: "the --password-stdin option requires --username to be set",
    },
    {
      name: "two passwords",
      args: ["-u", "ann", "-p", "a", "--password-stdin"],
      says: "conflicting options: cannot specify both --password and --password-stdin",
    },
    { name: "an empty name", args: ["-u", "", "-p", "a"], says: "username is empty" },
    { name: "an empty password", args: ["-u", "ann", "-p", ""], says: "password is empty" },
    {
      name: "an empty stdin",
      args: ["-u", "ann", "--password-stdin"],
      says: "the password on stdin is empty",
    },
    {
      name: "a name with a colon",
      args: ["-u", "a:n", "-p", "b"],
      says: "a username has no colon in it",
    },
    {
      name: "no terminal",
      args: ["-u", "ann"],
      says: "cannot perform an interactive login from a non TTY device",
    },
    { name: "a repository", args: ["a.io/b"], says: "a.io/b is a part of a registry" },
    {
      name: "no registry",
      args: ["not a host"],
      says: '"not a host" is not the name of a registry',
    },
    {
      name: "a URL with a password",
      args: ["https://ann:s3cret@a.io"],
      says: "this is not the name of a registry",
    },
  ])("refuses $name", async ({ args, says }) => {
    const { exitCode, stderr } = await login(args, "");

    expect(exitCode).toBe(1);
    expect(stderr).toContain(`marmita: ${says}\n`);
    expect(stderr).not.toContain("s3cret");
  });

  it("says that it may not ask a registry", async () => {
    const { exitCode, stderr } = await login(
      ["-u", "ann", "--password-stdin", "docker.io"],
      SECRET,
    );

    expect(exitCode).toBe(1);
    expect(stderr).toContain("marmita: registry docker.io is blocked\n");
  });

  it.each(["--get-login", "-v", "--cert-dir=x"])("refuses %s by name", async (flag) => {
    const { exitCode, stderr } = await login([flag, registry.host]);

    expect(exitCode).toBe(125);
    expect(stderr).toContain("is not supported yet");
  });

  it("asks on the terminal, for the password without an echo", async () => {
    const asked = inTerminal([registry.host]);

    await asked.shows(/Username: /);
    asked.type("annx\x7f\r");
    await asked.shows(/Password: /);
    asked.type(`${SECRET}x\x7f\r`);
    await asked.shows(/Login Succeeded/);

    expect(await asked.ended()).toBe("exited 0");
    expect(asked.text).toContain("ann");
    expect(asked.text).not.toContain("s3c");
    expect(await asked.mode()).toBe(await asked.before);
    expect(await content()).toEqual({ auths: { [registry.host]: { auth } } });
  });

  it("takes what is typed ahead", async () => {
    const asked = inTerminal([registry.host]);

    await asked.shows(/Username: /);
    asked.type(`ann\r${SECRET}\r`);
    await asked.shows(/Login Succeeded/);

    expect(await asked.ended()).toBe("exited 0");
  });

  it("asks only for the password of who is named", async () => {
    const asked = inTerminal(["-u", "ann", registry.host]);

    await asked.shows(/Password: /);
    asked.type(`${SECRET}\r`);
    await asked.shows(/Login Succeeded/);

    expect(await asked.ended()).toBe("exited 0");
    expect(asked.text).not.toContain("Username");
  });

  it.each([
    { name: "^C", key: CTRL_C, ends: "exited 130" },
    { name: "^D", key: CTRL_D, ends: "exited 1" },
  ])("leaves the terminal as it was when $name is typed for a password", async ({ key, ends }) => {
    const asked = inTerminal(["-u", "ann", registry.host]);
    await asked.shows(/Password: /);

    asked.type(key);

    expect(await asked.ended()).toBe(ends);
    expect(await asked.mode()).toBe(await asked.before);
    await expect(content()).rejects.toThrow("ENOENT");
  });

  it("asks anew when what is kept is not taken any more", async () => {
    await mkdir(join(home, ".docker"));
    const old = Buffer.from("ann:old").toString("base64");
    await writeFile(path(), JSON.stringify({ auths: { [registry.host]: { auth: old } } }));
    const asked = inTerminal([registry.host]);

    await asked.shows(/Username: /);
    asked.type(`ann\r${SECRET}\r`);
    await asked.shows(/Login Succeeded/);

    expect(await asked.ended()).toBe("exited 0");
    expect(await content()).toEqual({ auths: { [registry.host]: { auth } } });
  });
});

describe.runIf(requireRegistry())("marmita login and logout", () => {
  expectNothingLeft();

  let tokens: TokenServer;
  let registry: TestRegistry;
  let cli: Cli;
  let env: Record<string, string>;
  let path: string;

  beforeAll(async () => {
    tokens = await startTokenServer({ users: { ann: SECRET }, identityTokens: true });
    registry = await startRegistry({ auth: tokens.auth });
    cli = new Cli(await temporaryFolder());
  });
  beforeEach(async () => {
    const home = await temporaryFolder();
    path = join(home, ".docker/config.json");
    env = {
      HOME: home,
      DOCKER_CONFIG: join(home, ".docker"),
      XDG_RUNTIME_DIR: join(home, "run"),
      XDG_CONFIG_HOME: join(home, ".config"),
    };
  });

  const content = async (file = path): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));
  const login = () =>
    cli.call(["login", "-u", "ann", "--password-stdin", registry.host], { env, input: SECRET });

  it("keep a token where the registry gives one, and no password", async () => {
    expect((await login()).exitCode).toBe(0);

    expect(await content()).toEqual({
      auths: {
        [registry.host]: {
          auth: Buffer.from("ann:").toString("base64"),
          identitytoken: expect.stringMatching(/^identity-/),
        },
      },
    });
    const again = await cli.call(["login", registry.host], { env });
    expect(again.stdout).toBe("Login Succeeded\n");
  });

  it("take away what was kept", async () => {
    await login();

    const first = await cli.call(["logout", registry.host], { env });
    const second = await cli.call(["logout", registry.host], { env });

    const done = {
      exitCode: 0,
      stdout: `Removing login credentials for ${registry.host}\n`,
      stderr: "",
    };
    expect(first).toEqual(done);
    expect(second).toEqual(done);
    expect(await content()).toEqual({ auths: {} });
  });

  it("mean Docker Hub where no registry is named", async () => {
    const { stdout } = await cli.call(["logout"], { env });

    expect(stdout).toBe("Removing login credentials for https://index.docker.io/v1/\n");
  });

  it("tell of what another program keeps for the registry", async () => {
    const podmans = join(env["XDG_CONFIG_HOME"] ?? "", "containers/auth.json");
    await mkdir(join(podmans, ".."), { recursive: true });
    await writeFile(podmans, JSON.stringify({ auths: { [registry.host]: { auth } } }));

    const { exitCode, stderr } = await cli.call(["logout", registry.host], { env });

    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      `marmita: warning: credentials for ${registry.host} are still in ${podmans}\n`,
    );
  });

  it("exchange their files with docker", async ({ skip }) => {
    skip(finished(["sh", "-c", "command -v docker"]).status !== 0, "docker is not installed");
    await login();

    const { stdout } = finished(["docker", "logout", registry.host], {
      env: { ...process.env, ...env },
    });

    expect(stdout).toBe(`Removing login credentials for ${registry.host}\n`);
    expect(await content()).toEqual({ auths: {} });
  });
});
