import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, PROGRAM } from "./cli-command.ts";

const DETACH = "\x10\x11";
const CTRL_C = "\x03";

/** A clock that says so when it is interrupted. */
const CLOCK = [
  "busybox",
  "sh",
  "-c",
  "trap 'echo bye; exit 5' INT; n=0; while :; do echo tick $((n+=1)); sleep 0.1; done",
];

describe.runIf(requireUserNamespaces())("attached on the command line", () => {
  expectNothingLeft();

  let cli: Cli;
  const terminals: TestTerminal[] = [];

  beforeAll(async () => {
    cli = await busyboxCli();
  });
  afterEach(async () => {
    for (const terminal of terminals.splice(0)) await terminal[Symbol.asyncDispose]();
    await cli.removeContainers();
  });

  /** `marmita ARGS` in a terminal of its own. */
  function inTerminal(...args: readonly string[]): TestTerminal {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    const terminal = new TestTerminal([process.execPath, PROGRAM, ...args], { env });
    terminals.push(terminal);
    return terminal;
  }

  async function marmita(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await cli.call(args);
    if (exitCode !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  const status = (name: string) => {
    return marmita("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);
  };

  /** The end of a TestTerminal's program, with the terminal as it was before. */
  async function left(terminal: TestTerminal): Promise<string> {
    const end = await terminal.ended();
    expect(await terminal.mode()).toBe(await terminal.before);
    return end;
  }

  it("run -it is left by ^P ^Q, attached to again, and goes on where it was", async () => {
    const first = inTerminal("run", "-it", "--name", "box", "-e", "PS1=box> ", "busybox", "sh");
    await first.shows(/box> /);
    first.type("here=42\r");
    await first.shows(/box> /);
    first.type(DETACH);
    expect(await left(first)).toBe("exited 0");
    expect(await status("box")).toBe("running 0");

    const second = inTerminal("attach", "box");
    await second.shows(/box> /); // drawn again for us
    second.type("echo $((here*2)); sleep 60\r");
    await second.shows(/\n84\r\n/);
    second.type(CTRL_C);
    await second.shows(/box> /);
    second.type(DETACH);
    expect(await left(second)).toBe("exited 0");
    expect(second.text).toMatch(/read escape sequence/);

    const third = inTerminal("attach", "--detach-keys", "ctrl-a,x", "box");
    await third.shows(/box> /);
    third.type(`${DETACH}\x15exit 3\r`); // ^U: without the line that ^P brought back

    expect(await left(third)).toBe("exited 3");
    expect(await status("box")).toBe("exited 3");
  });

  it("run -it --rm can be left, too, and goes when it ends", async () => {
    const first = inTerminal(
      "run",
      "-it",
      "--rm",
      "--name",
      "box",
      "-e",
      "PS1=box> ",
      "busybox",
      "sh",
    );
    await first.shows(/box> /);
    first.type(DETACH);
    expect(await left(first)).toBe("exited 0");

    const second = inTerminal("attach", "box");
    await second.shows(/box> /);
    second.type("exit 4\r");

    expect(await left(second)).toBe("exited 4");
    expect(await marmita("ps", "-aq")).toBe("");
  });

  it("a clock in the background is left by ^P ^Q, and gets ^C as a signal", async () => {
    await marmita("run", "-d", "--name", "clock", ...CLOCK);

    const first = inTerminal("attach", "clock");
    await first.shows(/tick \d+\r\n/);
    first.type(DETACH);
    expect(await left(first)).toBe("exited 0");
    expect(await status("clock")).toBe("running 0");

    const second = inTerminal("attach", "clock");
    await second.shows(/tick \d+\r\n/);
    second.type(CTRL_C);
    await second.shows(/bye\r\n/);

    expect(await left(second)).toBe("exited 5");
    expect(await status("clock")).toBe("exited 5");
  });

  it("--sig-proxy=false keeps ^C from it", async () => {
    await marmita("run", "-d", "--name", "clock", ...CLOCK);

    const attached = inTerminal("attach", "--sig-proxy=false", "clock");
    await attached.shows(/tick \d+\r\n/);
    attached.type(CTRL_C);

    expect(await left(attached)).toBe("exited 130");
    expect(await status("clock")).toBe("running 0");
  });

  it("who asks three times to end leaves a process that does not listen", async () => {
    const deaf = "trap '' INT TERM; while :; do echo deaf; sleep 0.1; done";
    await marmita("run", "-d", "--name", "deaf", "busybox", "sh", "-c", deaf);

    const attached = inTerminal("attach", "deaf");
    for (let time = 0; time < 3; time++) {
      await attached.shows(/deaf\r\n/);
      attached.type(CTRL_C);
    }

    expect(await left(attached)).toBe("exited 0");
    expect(await status("deaf")).toBe("running 0");
  });

  it("passes on what a pipe holds, to one of several that are attached", async () => {
    await marmita("run", "-di", "--name", "cat", "busybox", "cat");
    const watching = cli.start(["attach", "--no-stdin", "cat"]);
    const typing = cli.start(["attach", "cat"], { stdin: "pipe" });

    await eventually(
      "both to be attached",
      async () => {
        typing.child.stdin?.write("feijoada\n");
        return (/feijoada/.test(watching.text) && /feijoada/.test(typing.text)) || undefined;
      },
      15_000,
    );
    await marmita("kill", "-s", "KILL", "cat");

    expect((await watching.ended).exitCode).toBe(137);
    expect((await typing.ended).exitCode).toBe(137);
  });

  it("ends when nobody reads it, and the container goes on", async () => {
    await marmita("run", "-d", "--name", "clock", ...CLOCK);

    const { exitCode, stdout } = await cli.shell(
      "$MARMITA attach clock </dev/null | head -n 1; exit ${PIPESTATUS[0]}",
    ).ended;

    expect([exitCode, /^tick \d+\n$/.test(stdout)]).toEqual([141, true]);
    expect(await status("clock")).toBe("running 0");
  });

  it("is refused where it does not run, where nobody is, and for a terminal without one", async () => {
    await marmita("create", "--name", "made", "busybox", "true");
    await marmita("run", "-dit", "--name", "shell", "busybox", "sh");

    const refused = async (...args: string[]) => {
      const { exitCode, stderr } = await cli.call(args);
      return `${exitCode} ${stderr.split("\n")[0]}`;
    };
    expect(await refused("attach", "made")).toBe("1 marmita: container made is not running");
    expect(await refused("attach", "nobody")).toBe("1 marmita: no such container: nobody");
    expect(await refused("attach", "shell")).toMatch(/^1 .*the input device is not a TTY$/);
    expect(await refused("attach", "--detach-keys", "ctrl-1", "shell")).toMatch(
      /^125 .*invalid argument "ctrl-1" for "--detach-keys" flag/,
    );
  });

  describe("start", () => {
    it("-a shows all that it writes, and ends with its code", async () => {
      await marmita(
        "create",
        "--name",
        "made",
        "busybox",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 3",
      );

      for (let time = 0; time < 2; time++) {
        expect(await cli.call(["start", "-a", "made"])).toEqual({
          exitCode: 3,
          stdout: "out\n",
          stderr: "err\n",
        });
      }
      expect(await marmita("logs", "made")).toBe("out\nout");
    });

    it("-ai passes our input on, and its end", async () => {
      await marmita("create", "-i", "--name", "made", "busybox", "cat");

      expect(await cli.call(["start", "-ai", "made"], { input: "feijão\n" })).toEqual({
        exitCode: 0,
        stdout: "feijão\n",
        stderr: "",
      });
    });

    it("-ai of a terminal is left by ^P ^Q, and attaches to one that runs", async () => {
      await marmita("create", "-it", "--name", "box", "-e", "PS1=box> ", "busybox", "sh");

      const first = inTerminal("start", "-ai", "box");
      await first.shows(/box> /);
      first.type(DETACH);
      expect(await left(first)).toBe("exited 0");
      expect(await status("box")).toBe("running 0");

      const second = inTerminal("start", "-ai", "box");
      await second.shows(/box> /);
      second.type("exit 6\r");
      expect(await left(second)).toBe("exited 6");
    });

    it("outlives one who is killed", async () => {
      await marmita("create", "--name", "made", ...CLOCK);
      const started = cli.start(["start", "-a", "made"]);
      await started.printed(/tick/);

      started.child.kill("SIGKILL");
      await started.ended;

      expect(await status("made")).toBe("running 0");
    });

    it("-a is for one", async () => {
      const { exitCode, stderr } = await cli.call(["start", "-a", "one", "two"]);

      expect([exitCode, stderr]).toEqual([
        1,
        "marmita: you cannot start and attach multiple containers at once\n",
      ]);
    });
  });
});
