import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal, type TerminalOptions } from "../helpers/terminal.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { busyboxCli, type Cli, PROGRAM } from "./cli-command.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_Z = "\x1a";

describe.runIf(requireUserNamespaces())("marmita run in a terminal", () => {
  expectNothingLeft();

  let cli: Cli;
  let terminal: TestTerminal;

  beforeAll(async () => {
    cli = await busyboxCli();
  });
  afterEach(async () => terminal[Symbol.asyncDispose]());

  /** `marmita run --rm FLAGS` in a terminal of its own. */
  function run(args: readonly string[], options: TerminalOptions = {}): TestTerminal {
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    terminal = new TestTerminal([process.execPath, PROGRAM, "run", "--rm", ...args], {
      env,
      ...options,
    });
    return terminal;
  }

  /** With a prompt that nothing else shows. */
  async function shell(options: TerminalOptions = {}): Promise<TestTerminal> {
    const box = run(["-it", "-e", "PS1=box> ", "busybox", "sh"], options);
    await box.shows(/box> /);
    return box;
  }

  it("is a shell that exits with its own code, and leaves the terminal as it was", async () => {
    const box = await shell();

    const inside = await box.mode();
    box.type("echo $((6*7))\r");
    await box.shows(/\n42\r\n/);
    box.type("exit 3\r");

    expect(await box.ended()).toBe("exited 3");
    const before = await box.before;
    expect(inside).not.toBe(before);
    expect(await box.mode()).toBe(before);
  });

  it("has the size of the terminal, and follows it", async () => {
    const box = await shell({ columns: 97, rows: 31 });

    box.type("stty size\r");
    await box.shows(/31 97/);
    box.resize(123, 45);
    await eventually("the new size", async () => {
      box.type("stty size\r");
      const [, size] = await box.shows(/\n(\d+ \d+)\r\n/);
      return size === "45 123" || undefined;
    });
    box.type("exit\r");

    expect(await box.ended()).toBe("exited 0");
  });

  it("gives the keys to the program: ^C, ^Z, fg and ^D", async () => {
    const box = await shell();

    box.type("sh -c 'echo rea\"\"dy; exec sleep 60'; echo not re''ached\r");
    await box.shows(/ready\r\n/); // from here on it is in the foreground
    box.type(CTRL_C);
    await box.shows(/box> /);
    box.type("sh -c 'echo rea\"\"dy; exec cat'\r");
    await box.shows(/ready\r\n/);
    box.type(CTRL_Z);
    await box.shows(/Stopped[^]*box> /);
    box.type("fg\r");
    await box.shows(/fg\r\n[^]*exec cat/);
    box.type(`feijoada\r${CTRL_D}`);
    await box.shows(/feijoada\r\n[^]*feijoada\r\n[^]*box> /);
    box.type(CTRL_D);

    expect(await box.ended()).toBe("exited 0");
    expect(box.text).not.toContain("not reached");
    expect(await box.mode()).toBe(await box.before);
  });

  it.each([
    ["--init", [/^1 marmita-init/m]],
    ["--network=none", []],
  ])("has job control with %s, too", async (flag, processes) => {
    const box = run(["-it", flag, "-e", "PS1=box> ", "busybox", "sh"]);

    await box.shows(/box> /);
    box.type("ps -o pid,comm | sed 's/^ *//'; sh -c 'echo rea\"\"dy; exec sleep 60'\r");
    await box.shows(/ready\r\n/);
    box.type(CTRL_C);
    await box.shows(/box> /);
    box.type("exit 3\r");

    expect(await box.ended()).toBe("exited 3");
    for (const process of processes) expect(box.text.replaceAll("\r", "")).toMatch(process);
    expect(box.text).not.toContain("job control turned off");
  });

  it("shows what full-screen programs draw as they draw it", async () => {
    const box = run(["-it", "busybox", "sh", "-c", "stty -onlcr; echo one; echo two"]);

    await box.shows(/one\ntwo\n/); // no carriage return of ours before the end of a line

    expect(await box.ended()).toBe("exited 0");
  });

  it("has TERM, unless another is given", async () => {
    const box = run(["-t", "busybox", "sh", "-c", "echo $TERM"]);
    await box.shows(/xterm\r/);
    await box.ended();
    await box[Symbol.asyncDispose]();

    await run(["-t", "-e", "TERM=vt100", "busybox", "sh", "-c", "echo $TERM"]).shows(/vt100\r/);

    expect(await terminal.ended()).toBe("exited 0");
  });

  describe("leaves the terminal as it was", () => {
    it.each([
      ["SIGTERM", "exited 143"],
      ["SIGHUP", "exited 129"],
      ["SIGINT", "exited 130"],
      ["SIGQUIT", "exited 131"],
    ] as const)("after %s", async (signal, end) => {
      const box = await shell();

      process.kill(await box.pid(), signal);

      expect(await box.ended()).toBe(end);
      expect(await box.mode()).toBe(await box.before);
    });

    it("when marmita is killed, which nobody can catch: the keeper does it", async () => {
      const box = await shell();
      const before = await box.before;
      expect(await box.mode()).not.toBe(before);

      process.kill(await box.pid(), "SIGKILL");

      expect(await box.ended()).toBe("killed 9");
      await eventually("the mode to be put back", async () => {
        return (await box.mode()) === before || undefined;
      });
    });

    it("when the keeper is killed", async () => {
      const box = await shell();
      const keeper = await keeperOf(await box.pid());

      process.kill(keeper, "SIGKILL");

      expect(await box.ended()).toBe("exited 137");
      expect(await box.mode()).toBe(await box.before);
    });

    it.each([
      ["cannot be found", ["/no/such"], "exited 127"],
      ["cannot be executed", ["/etc/passwd"], "exited 126"],
    ])("when the command %s", async (_, command, end) => {
      const box = run(["-it", "busybox", ...command]);

      expect(await box.ended()).toBe(end);
      expect(await box.mode()).toBe(await box.before);
    });

    it("when the image is not there", async () => {
      const box = run(["-it", "no-such-image"]);

      await box.shows(/no-such-image/);

      expect(await box.ended()).toBe("exited 125");
      expect(await box.mode()).toBe(await box.before);
    });

    it("while a signal has stopped marmita, and no longer", async () => {
      const box = await shell();
      const pid = await box.pid();
      const raw = await box.mode();

      process.kill(pid, "SIGTSTP");
      await box.stopped();
      expect(await box.mode()).toBe(await box.before);
      box.resize(70, 20);
      process.kill(pid, "SIGCONT");
      await eventually("the terminal to be the container's again", async () => {
        return (await box.mode()) === raw || undefined;
      });
      box.type("stty size; exit 4\r");
      await box.shows(/20 70/);

      expect(await box.ended()).toBe("exited 4");
    });
  });

  async function keeperOf(pid: number): Promise<number> {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    for (const child of children.trim().split(" ").map(Number)) {
      const title = await readFile(`/proc/${child}/cmdline`, "latin1");
      if (title.startsWith("marmita: keeper")) return child;
    }
    throw new Error("there is no keeper");
  }

  describe("with -t and without -i", () => {
    it("has a terminal that nobody types at, and ours keeps its keys", async () => {
      const box = run(["-t", "busybox", "sh", "-c", "tty; echo ready; sleep 60"]);

      await box.shows(/\/dev\/pts\/0\r\r?\nready/);
      expect(await box.mode()).toBe(await box.before);
      box.type(CTRL_C);

      expect(await box.ended()).toBe("exited 130");
    });

    it("needs no terminal of ours", async () => {
      run(["-it", "busybox", "true"]); // for afterEach
      const { exitCode, stdout } = await cli.call(["run", "--rm", "-t", "busybox", "tty"]);

      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "/dev/pts/0\r\n" });
      await terminal.ended();
    });
  });

  it("is refused for -it where stdin is no terminal", async () => {
    const box = run(["-i", "busybox", "true"]); // without -t it may be one, too
    expect(await box.ended()).toBe("exited 0");

    const { exitCode, stderr } = await cli.call(["run", "--rm", "-it", "busybox"], { input: "" });

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^marmita run: the input device is not a TTY\nUse -i without -t/);
  });

  it("works for image host", async () => {
    const box = run(["-it", "host", "sh", "-c", "tty; test -w /dev/console && stty size"]);

    await box.shows(/\/dev\/pts\/0\r\n24 80\r\n/);

    expect(await box.ended()).toBe("exited 0");
    expect(existsSync(cli.root)).toBe(true);
  });
});
