/** The tutorial's second page, in a real terminal: a shell in a Debian container, a package, exit. */
import { beforeAll, afterEach, describe, expect, it } from "vitest";
import { debianArchive } from "../../fixtures/debian.mjs";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { TestTerminal } from "../helpers/terminal.ts";
import {
  hostCan,
  hostCannot,
  requireProgram,
  requireUserNamespaces,
} from "../helpers/user-namespaces.ts";
import { type Cli, emptyCli, PROGRAM } from "../integration/cli-command.ts";

const MAKING_MS = 300_000;
const INSTALLING_MS = 150_000;

const able =
  requireUserNamespaces() &&
  requireProgram("mmdebstrap") &&
  hostCan("make a Debian", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

describe.runIf(able)("marmita run -it debian:bookworm", () => {
  expectNothingLeft();

  let cli: Cli;
  let terminal: TestTerminal;

  beforeAll(async () => {
    cli = await emptyCli();
    const { exitCode, stderr } = await cli.call(["load", "-i", debianArchive()]);
    if (exitCode !== 0) throw new Error(stderr);
  }, MAKING_MS);
  afterEach(async () => terminal[Symbol.asyncDispose]());

  async function bash(...flags: string[]): Promise<TestTerminal> {
    const words = [PROGRAM, "run", "-it", "--rm", ...flags, "debian:bookworm"];
    const env = { ...process.env, MARMITA_ROOT: cli.root };
    terminal = new TestTerminal([process.execPath, ...words], { env, columns: 100, rows: 30 });
    await terminal.shows(/root@[0-9a-f]+:\/# /);
    return terminal;
  }

  it("gives a prompt, follows the window, and exits with the shell's code", async () => {
    const box = await bash();

    box.type("stty size; tput lines cols\r");
    await box.shows(/[\r\n]30 100\r\n/);
    box.resize(72, 22);
    box.type("until stty size | grep -q '^22 72'; do :; done; stty size; echo $LINES $COLUMNS\r");
    await box.shows(/[\r\n]22 72\r\n22 72\r\n/);
    box.type("exit 3\r");

    expect(await box.ended()).toBe("exited 3");
    expect(await box.mode()).toBe(await box.before);
  });

  it("has job control and line editing, without a word of complaint", async () => {
    const box = await bash();

    box.type("sh -c 'echo rea\"\"dy; exec sleep 100'\r");
    await box.shows(/ready\r\n/); // from here on it is in the foreground
    box.type("\x03");
    await box.shows(/\^C[^]*# /);
    box.type("echo code=$?\r");
    await box.shows(/[\r\n]code=130\r/);
    box.type("sh -c 'echo rea\"\"dy; exec cat'\r");
    await box.shows(/ready\r\n/);
    box.type("\x1a");
    await box.shows(/\[1\]\+ {2}Stopped {17}sh -c [^]*# /);
    box.type("jobs; fg\r");
    await box.shows(/Stopped[^]*exec cat'\r\n[^]*exec cat'\r\n/); // told by jobs, told by fg
    box.type("feijoada\r\x04");
    await box.shows(/feijoada\r\nfeijoada\r\n/);
    box.type("echo gone\x1b[D\x1b[D\x1b[D\x1b[Dbe\r"); // left, left, left, left
    await box.shows(/[\r\n]begone\r\n/);
    box.type("\x04");

    expect(await box.ended()).toBe("exited 0");
    expect(box.text).not.toMatch(/no job control|cannot set terminal process group/);
  });

  it(
    "installs a package and runs it; the next container does not have it",
    async (context) => {
      const update = ["run", "--rm", "--network", "host", "debian:bookworm", "apt-get", "update"];
      const { exitCode, stdout, stderr } = await cli.call(update);
      if (exitCode !== 0 || /^(?:Err|W|E):/m.test(stdout + stderr)) {
        context.skip(hostCannot("fetch Debian's packages", stderr.trim().split("\n").at(-1) ?? ""));
      }
      const box = await bash();

      box.type("apt-get update && apt-get install -y figlet && figlet hello; exit\r");
      await box.shows(HELLO, INSTALLING_MS);
      expect(await box.ended()).toBe("exited 0");
      expect(await box.mode()).toBe(await box.before);
      await box[Symbol.asyncDispose]();

      const second = await bash();
      second.type("figlet hello; exit $?\r");
      await second.shows(/figlet: command not found/);
      expect(await second.ended()).toBe("exited 127");
    },
    2 * INSTALLING_MS,
  );
});

/** "hello" as figlet draws it. */
const HELLO = / _ {10}_ _ {7}\r\n\| \|__ {3}___\| \| \| ___ {2}\r\n/;
