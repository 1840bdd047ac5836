import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Called, type Cli, PROGRAM } from "./cli-command.ts";

describe.runIf(requireUserNamespaces())("marmita exec", () => {
  expectNothingLeft();

  let cli: Cli;
  let box: Called;

  beforeAll(async () => {
    cli = await busyboxCli();
    box = cli.start(
      ["run", "--rm", "--init", "--network", "none", "--name", "box", "busybox"].concat([
        "sh",
        "-c",
        "echo ready; sleep 600",
      ]),
    );
    await box.printed(/ready/);
  });
  afterAll(async () => {
    box.child.kill("SIGKILL");
    await box.ended;
  });

  const exec = (...args: string[]) => cli.call(["exec", ...args]);
  /** Ends what has that command line. */
  const end = (args: string) => {
    const line = 'ps -o pid,args | while read p a; do [ "$a" = "$0" ] && kill $p; done; true';
    return exec("box", "sh", "-c", line, args);
  };
  const commandLines = async () => (await exec("box", "ps", "-o", "args")).stdout;

  it("passes on output and exit code", async () => {
    expect(await exec("box", "sh", "-c", "echo out; echo err >&2; exit 3")).toEqual({
      exitCode: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await cli.call(["container", "exec", "box", "false"])).toMatchObject({ exitCode: 1 });
  });

  it("reads stdin with -i only", async () => {
    const input = "some\ninput";

    expect(await cli.call(["exec", "-i", "box", "cat"], { input })).toMatchObject({
      stdout: input,
    });
    expect(await cli.call(["exec", "box", "cat"], { input })).toMatchObject({ stdout: "" });
  });

  it("takes Docker's flags", async () => {
    const file = join(await temporaryFolder(), "env");
    await writeFile(file, "# none\nFILE=of it\n");
    const line = 'pwd; echo "$FILE/$A/$B"; id -u';
    const flags = ["-w", "/etc", "-e", "A=a b", "-e", "B", "--env-file", file, "-u", "0:0"];

    const called = await cli.call(["exec", ...flags, "box", "sh", "-c", line], {
      env: { B: "mine" },
    });

    expect(called).toEqual({ exitCode: 0, stdout: "/etc\nof it/a b/mine\n0\n", stderr: "" });
  });

  it("leaves the flags of the command alone", async () => {
    expect(await exec("box", "echo", "-e", "-u")).toMatchObject({ stdout: "-u\n" });
  });

  it("returns when the command has ended, whatever that left behind", async () => {
    const { stdout } = await exec("box", "sh", "-c", "sleep 543 & echo begun");

    expect(stdout).toBe("begun\n");
    expect(await commandLines()).toContain("sleep 543");
    await end("sleep 543");
  });

  it("prints nothing and returns at once with -d", async () => {
    expect(await exec("-d", "box", "sleep", "432")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    expect(await commandLines()).toContain("sleep 432");
    await end("sleep 432");
  });

  it.each([
    ["nobody is called so", ["nobody", "true"], 1, "marmita: no such container: nobody\n"],
    ["there is no such command", ["box", "nosuch"], 127, "exec nosuch: not found in $PATH"],
    ["it cannot be executed", ["box", "/etc"], 126, "exec /etc"],
    ["there is no such user", ["-u", "nobody-such", "box", "true"], 126, "find user nobody-such"],
    ["there is no such directory", ["-w", "/no/such", "box", "true"], 126, "/no/such"],
    ["a word is missing", ["box"], 1, "requires at least 2 arguments"],
    ["a flag is not there", ["--privileged", "box", "true"], 125, "--privileged is not supported"],
  ])("says so when %s", async (_, args, exitCode, words) => {
    const called = await exec(...args);

    expect(called).toMatchObject({ exitCode, stdout: "" });
    expect(called.stderr).toContain(words);
  });

  it("says so when the container does not run", async () => {
    await cli.call(["run", "--name", "over", "busybox", "true"]);

    expect(await exec("over", "true")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("container over is not running"),
    });
  });

  it("passes signals on, and ends its command when it is killed", async () => {
    const line = "trap 'echo got; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    const asked = cli.start(["exec", "box", "sh", "-c", line]);
    await asked.printed(/ready/);
    asked.child.kill("SIGINT");
    expect(await asked.ended).toMatchObject({ exitCode: 7, stdout: "ready\ngot\n" });

    const killed = cli.start(["exec", "box", "sh", "-c", "trap '' INT; echo ready; sleep 321"]);
    await killed.printed(/ready/);
    killed.child.kill("SIGKILL");
    await killed.ended;

    await eventually("the command gone", async () => {
      return (await commandLines()).includes("sleep 321") ? undefined : true;
    });
  });

  it("is a shell in a terminal with -it, and leaves the terminal as it was", async () => {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    const words = [PROGRAM, "exec", "-it", "-e", "PS1=in> ", "box", "sh"];
    await using terminal = new TestTerminal([process.execPath, ...words], {
      env,
      columns: 97,
      rows: 31,
    });
    await terminal.shows(/in> /);

    terminal.type("stty size; tty\r");
    await terminal.shows(/31 97\r\n\/dev\/pts\/\d+\r\n/);
    terminal.type("exit 5\r");

    expect(await terminal.ended()).toBe("exited 5");
    expect(await terminal.mode()).toBe(await terminal.before);
  });

  it("is left by ^P^Q, and goes on", async () => {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    const line = "echo ready; read answer; echo $answer > /tmp/answer; exec sleep 210";
    const words = [PROGRAM, "exec", "-it", "box", "sh", "-c", line];
    await using terminal = new TestTerminal([process.execPath, ...words], { env });
    await terminal.shows(/ready\r\n/);

    terminal.type("some\r");
    await eventually("the answer", async () => {
      return (await exec("box", "cat", "/tmp/answer")).stdout === "some\n" || undefined;
    });
    terminal.type("\x10\x11");

    expect(await terminal.ended()).toBe("exited 0");
    expect(await terminal.mode()).toBe(await terminal.before);
    expect(await commandLines()).toContain("sleep 210");
    await end("sleep 210");
  });

  it("wants a terminal for -it", async () => {
    expect(await exec("-it", "box", "sh")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("the input device is not a TTY"),
    });
  });
});
