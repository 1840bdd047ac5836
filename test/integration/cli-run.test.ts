import { writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, PROGRAM } from "./cli-command.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("marmita run", () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await busyboxCli();
  });

  const run = (...args: string[]) => cli.call(["run", "--rm", ...args]);
  const sh = (script: string, ...flags: string[]) => run(...flags, "busybox", "sh", "-c", script);

  it("runs a command", async () => {
    expect(await run("busybox", "echo", "hello world")).toEqual({
      exitCode: 0,
      stdout: "hello world\n",
      stderr: "",
    });
  });

  it("keeps the streams apart", async () => {
    expect(await sh("echo out; echo err >&2")).toEqual({
      exitCode: 0,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it.each([
    ["the command's own", "exit 7", 7],
    ["128 + n after a signal", "kill -KILL $$; :", 137],
  ])("exits with %s code", async (_, script, exitCode) => {
    // The shell is the first process, which no signal from inside can kill: its child is.
    const line = exitCode > 128 ? `sh -c '${script}'; exit $?` : script;
    expect(await sh(line)).toMatchObject({ exitCode });
  });

  it.each([
    ["127 for a command that is not there", ["busybox", "/no/such"], 127, "exec /no/such"],
    ["127 for one that is not in PATH", ["busybox", "no-such"], 127, "no-such"],
    ["126 for a directory", ["busybox", "/etc"], 126, "/etc"],
    ["126 for what is not executable", ["busybox", "/etc/passwd"], 126, "/etc/passwd"],
    ["125 for an image that is not there", ["no-such-image", "true"], 125, "no-such-image"],
    ["125 for an impossible name of an image", ["UPPER", "true"], 125, "UPPER"],
    [
      "125 for a mount without a source",
      ["--mount", "type=bind,src=/no/such,dst=/x", "busybox"],
      125,
      "/no/such",
    ],
    ["125 for an unknown flag", ["--foo", "busybox"], 125, "unknown flag: --foo"],
    [
      "125 for a flag to come",
      ["-P", "busybox"],
      125,
      "marmita run: -P (--publish-all) is not supported yet",
    ],
  ])("exits with %s", async (_, args, exitCode, message) => {
    const done = await run(...args);

    expect(done).toMatchObject({ exitCode, stdout: "" });
    expect(done.stderr).toContain(message);
    expect(done.stderr).toMatch(/^marmita/);
    expect(done.stderr).not.toMatch(/^ +at /m);
  });

  it("exits with 125 when the name is taken", async () => {
    await cli.call(["run", "--name", "taken", "busybox", "true"]);

    const again = await cli.call(["run", "--name", "taken", "busybox", "true"]);

    expect(again).toMatchObject({ exitCode: 125, stdout: "" });
    expect(again.stderr).toContain("taken");
    await cli.call(["rm", "taken"]);
  });

  it("takes environment, directory and host name", async () => {
    const script = 'echo "$A $B $(pwd) $(hostname)"';
    const flags = ["-e", "A=1", "-e", "B", "-w", "/srv/new", "-h", "stove"];

    const done = await cli.call(["run", "--rm", ...flags, "busybox", "sh", "-c", script], {
      env: { B: "2" },
    });

    expect(done).toEqual({ exitCode: 0, stdout: "1 2 /srv/new stove\n", stderr: "" });
  });

  describe("takes a user and a group", () => {
    hostCan(
      "have users other than root in a container",
      process.getuid?.() === 0 ? undefined : subordinateIdsFault(),
    );

    it.each([
      ["1000:50", "1000 50 cook"],
      ["cook:kitchen", "1000 50 cook"],
    ])("%s", async (user, ids) => {
      expect(await sh("echo $(id -u) $(id -g) $(id -un)", "-u", user)).toMatchObject({
        stdout: `${ids}\n`,
      });
    });
  });

  it("takes files of environment and labels", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "env"), "# mine\nA=from file\nB=file\n");

    const done = await sh('echo "$A $B"', "--env-file", join(folder, "env"), "-e", "B=flag");

    expect(done.stdout).toBe("from file flag\n");
  });

  it("lets Node neither read nor obey a file of environment", async () => {
    const file = join(await temporaryFolder(), "env");
    writeFileSync(file, "NODE_OPTIONS=--require=/no/such\n");
    const flags = `--env-file ${file} busybox sh -c 'echo "$NODE_OPTIONS" "$@"'`;

    const done = await cli.shell(`${PROGRAM} run --rm ${flags} sh --env-file /no/such`).ended;

    expect(done).toEqual({
      exitCode: 0,
      stdout: "--require=/no/such --env-file /no/such\n",
      stderr: "",
    });
  });

  it("replaces the entrypoint", async () => {
    expect(await run("--entrypoint", "/bin/echo", "busybox", "-n", "x")).toMatchObject({
      stdout: "x",
    });
  });

  it("mounts directories and memory", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "shared"));
    await writeFile(join(folder, "shared/in"), "from here");
    const source = join(folder, "shared");

    const script = "cat /ro/in; echo back > /rw/out; echo x > /ro/no; echo x > /t/ok && cat /t/ok";
    const bind = `type=bind,source=${source},target=/ro,readonly`;
    const flags = ["-v", `${source}:/rw`, "--mount", bind, "--tmpfs", "/t:size=1m"];
    const done = await sh(script, ...flags);

    expect(done.stdout).toBe("from herex\n");
    expect(done.stderr).toContain("Read-only file system");
    expect(await readFile(join(source, "out"), "utf8")).toBe("back\n");
  });

  it("makes the root read-only", async () => {
    expect((await sh("echo x > /x", "--read-only")).stderr).toContain("Read-only file system");
  });

  it("reads stdin with -i only", async () => {
    const args = ["busybox", "cat"];

    expect(await cli.call(["run", "--rm", "-i", ...args], { input: "typed" })).toMatchObject({
      stdout: "typed",
    });
    expect(await cli.call(["run", "--rm", ...args], { input: "typed" })).toMatchObject({
      exitCode: 0,
      stdout: "",
    });
  });

  it("passes on the end of stdin and goes on, and of stdout alike", async () => {
    const script = "cat; echo after; exec >&-; cat < /dev/null; echo last >&2";

    const done = await cli.call(["run", "--rm", "-i", "busybox", "sh", "-c", script], {
      input: "typed, ",
    });

    expect(done).toEqual({ exitCode: 0, stdout: "typed, after\n", stderr: "last\n" });
  });

  it("passes stdin on to a command that has closed its stdout", async () => {
    const done = await cli.call(["run", "--rm", "-i", "busybox", "sh", "-c", "exec >&-; cat >&2"], {
      input: "typed\n",
    });

    expect(done).toEqual({ exitCode: 0, stdout: "", stderr: "typed\n" });
  });

  it("carries a lot both ways, unchanged", async () => {
    const input = Buffer.alloc(8 * 2 ** 20, "0123456789abcdef");

    const { stdout } = await cli.call(["run", "--rm", "-i", "busybox", "cat"], { input });

    expect(stdout.length).toBe(input.length);
    expect(stdout === input.toString()).toBe(true);
  });

  it("ends while its stdin stays open", async () => {
    const head = cli.start(["run", "--rm", "-i", "busybox", "head", "-n1"], { stdin: "pipe" });

    head.child.stdin?.write("one\n");

    expect(await head.ended).toMatchObject({ exitCode: 0, stdout: "one\n" });
  });

  it("ends quietly, as the command itself would, when nobody reads", async () => {
    const line = "$MARMITA run --rm busybox yes | head -n1; echo ${PIPESTATUS[0]}";

    expect(await cli.shell(line).ended).toEqual({ exitCode: 0, stdout: "y\n141\n", stderr: "" });
  });

  it("gives the container pipes, never our own descriptors", async () => {
    const { stdout } = await run("-i", "busybox", "ls", "-l", "/proc/self/fd");

    const targets = stdout.match(/ [012] -> \S+/g)?.map((found) => found.trim());
    expect(targets).toEqual([0, 1, 2].map((fd) => expect.stringMatching(`^${fd} -> pipe:`)));
  });

  it("kills after --timeout", async () => {
    expect(await run("--timeout", "1", "busybox", "sleep", "60")).toMatchObject({ exitCode: 137 });
  });

  it("writes the id to --cidfile, and never over a file", async () => {
    const file = join(await temporaryFolder(), "id");

    await run("--cidfile", file, "busybox", "true");
    const again = await run("--cidfile", file, "busybox", "true");

    expect(await readFile(file, "utf8")).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toMatchObject({ exitCode: 125 });
    expect(again.stderr).toContain(file);
  });

  it("keeps nothing of a container with --rm", async () => {
    await run("busybox", "true");
    await run("busybox", "/no/such");

    expect((await cli.call(["ps", "-aq"])).stdout).toBe("");
  });

  describe("passes signals on", () => {
    const trap = (name: string) =>
      `trap 'echo got ${name}; exit 3' ${name}; echo ready; while :; do sleep 0.05; done`;

    it.each(["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH"])("%s", async (name) => {
      const box = cli.start(["run", "--rm", "busybox", "sh", "-c", trap(name)]);
      await box.printed(/ready/);

      box.child.kill(`SIG${name}` as NodeJS.Signals);

      expect(await box.ended).toMatchObject({ exitCode: 3, stdout: `ready\ngot ${name}\n` });
    });

    it("and kills what does not listen to three", async () => {
      const script = "trap 'echo no' INT; echo ready; while :; do sleep 0.05; done";
      const box = cli.start(["run", "--rm", "busybox", "sh", "-c", script]);
      await box.printed(/ready/);

      box.child.kill("SIGINT");
      await box.printed(/no/);
      box.child.kill("SIGINT");
      await box.printed(/no\nno/);
      box.child.kill("SIGINT");

      expect(await box.ended).toMatchObject({ exitCode: 137 });
    });
  });

  it("ends a clock at ^C in a terminal", async () => {
    const clock = "run --rm busybox sh -c 'while date; do sleep 1; done'";
    const terminal = cli.shell(`exec script -qec "$MARMITA ${clock}" /dev/null`);
    await terminal.printed(/\d\d:\d\d:\d\d/);

    terminal.child.stdin?.write("\x03");

    expect(await terminal.ended).toMatchObject({ exitCode: 130 });
  });
});
