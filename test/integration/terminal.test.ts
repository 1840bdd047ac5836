import { once } from "node:events";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions, StartOptions } from "../../lib/engine/options.ts";
import type { RunningProcess } from "../../lib/runtime/process.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const MEGABYTES = 10;

describe.runIf(requireUserNamespaces())("a container's terminal", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** A shell's script with a terminal, to its end. */
  function shell(script: string, options: RunOptions = {}) {
    return engine.containers.run("busybox", ["sh", "-c", script], {
      tty: true,
      remove: true,
      ...options,
    });
  }

  /** A command that runs until somebody ends it. */
  function start(
    command: readonly string[],
    options: Partial<CreateOptions> = {},
    streams: StartOptions = {},
  ) {
    return engine.containers.createAndStart(
      { image: "busybox", command, tty: true, remove: true, ...options },
      { stdin: "pipe", ...streams },
    );
  }

  /** What a script shows that does not echo what is typed. */
  async function typedAt(script: string, input: Iterable<Buffer>): Promise<string> {
    const { process } = await start(["sh", "-c", `stty -echo; echo ready; ${script}`]);
    const shown = collect(process);
    await shown.until(/ready\r\n/);
    for (const chunk of input) {
      if (process.terminal?.write(chunk) === false) await once(process.terminal, "drain");
    }
    process.terminal?.end();
    return shown.rest();
  }

  describe("is", () => {
    it("descriptors 0, 1 and 2, the controlling terminal and /dev/console", async () => {
      const script = `
        for fd in 0 1 2; do readlink /proc/self/fd/$fd; done
        tty; tty < /dev/console; tty < /dev/tty
        stat -c '%F %t,%T' /dev/console /dev/pts/0
        cut -d ' ' -f 7 /proc/self/stat
        grep ' /dev/console ' /proc/self/mountinfo | cut -d ' ' -f 6
        echo $TERM`;

      const { stdout, stderr, exitCode } = await shell(script);

      expect({ lines: stdout.split("\r\n"), stderr, exitCode }).toEqual({
        lines: [
          "/dev/pts/0",
          "/dev/pts/0",
          "/dev/pts/0",
          "/dev/pts/0",
          "/dev/console",
          "/dev/tty",
          "character special file 88,0",
          "character special file 88,0",
          String((136 << 8) | 0),
          "rw,nosuid,noexec,relatime",
          "xterm",
          "",
        ],
        stderr: "",
        exitCode: 0,
      });
    });

    it("the user's of the command", async () => {
      const { ids } = await engine.info();
      const user = ids === "single" ? "0" : "33";

      const { stdout } = await shell("stat -c '%u %a' /dev/pts/0 /dev/console; : > /dev/console", {
        user,
      });

      expect(stdout).toBe(`${user} 620\r\n${user} 620\r\n`);
    });

    it("there in a root that is read-only, and on the machine's network", async () => {
      const { stdout } = await shell("tty", { readOnly: true, network: "host" });

      expect(stdout).toBe("/dev/pts/0\r\n");
    });

    it("one stream for all of the process", async () => {
      const { process } = await start(["sleep", "60"]);

      expect(process.stdin).toBe(process.terminal);
      expect(process.stdout).toBe(process.terminal);
      expect(process.stderr).toBeUndefined();
      await process[Symbol.asyncDispose]();
    });

    it("told of by inspect", async () => {
      const { container, process } = await start(["sleep", "60"], {}, { columns: 99 });

      const { Config, HostConfig } = await container.inspect();

      expect(Config).toMatchObject({ Tty: true, OpenStdin: true });
      expect(HostConfig.ConsoleSize).toEqual([24, 99]);
      await process[Symbol.asyncDispose]();
    });

    it("there again when the container starts again", async () => {
      await using container = await engine.containers.create({
        image: "busybox",
        command: ["stty", "size"],
        tty: true,
        remove: false,
      });

      for (const options of [{}, { columns: 100, rows: 40 }, { rows: 7 }]) {
        const process = await container.start(options);
        await expect(textOf(process)).resolves.toMatch(/^(?:24 80|40 100|7 80)\r\n$/);
        await process.wait();
      }
      await container.remove();
    });
  });

  describe("has a size", () => {
    it("of 80 times 24, or what is asked for, from the start", async () => {
      expect((await shell("stty size")).stdout).toBe("24 80\r\n");
      expect((await shell("stty size", { columns: 132, rows: 43 })).stdout).toBe("43 132\r\n");
    });

    it("that changes, and programs are told", async () => {
      const script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
      const { process } = await start(["sh", "-c", script]);
      const shown = collect(process);

      await shown.until(/ready/);
      process.resize(101, 51);
      await shown.until(/51 101/);
      process.resize(400, 60);
      await shown.until(/60 400/);

      await process[Symbol.asyncDispose]();
      expect(() => process.resize(1, 1)).not.toThrow(); // it has ended: nothing happens
    });

    it.each([
      [0, 5],
      [5, 0],
      [1.5, 5],
      [65_536, 5],
      [NaN, 5],
    ])("that is not %d times %d", async (columns, rows) => {
      const { process } = await start(["sleep", "60"]);

      expect(() => process.resize(columns, rows)).toThrow(/expected "(?:columns|rows)" to be/);
      await process[Symbol.asyncDispose]();
    });

    it("with a terminal only", async () => {
      const { process } = await start(["sleep", "60"], { tty: false });

      expect(() => process.resize(80, 24)).toThrow("without a terminal has no size");
      expect(process.terminal).toBeUndefined();
      await process[Symbol.asyncDispose]();
    });
  });

  describe("refuses", () => {
    it.each(["stdin", "stdout", "stderr"] as const)("to inherit %s", async (name) => {
      await expect(start(["true"], {}, { [name]: "inherit" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { option: name },
      });
      await expect(shell("true", { [name]: "inherit" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    });

    it("a size for a container without one", async () => {
      await expect(shell("true", { tty: false, columns: 80 })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { option: "columns" },
      });
    });
  });

  describe("has job control", () => {
    it("of a shell: ^C, ^Z, fg and ^D", async () => {
      const { process } = await start(["sh"], {}, { stdin: "pipe" });
      const shown = collect(process);
      const type = (text: string) => process.terminal?.write(text);

      await shown.until(/# /);
      type("sh -c 'echo rea\"\"dy; exec sleep 60'\n");
      await shown.until(/ready\r\n/); // from here on it is in the foreground
      type("\x03");
      await shown.until(/\^C\r\n[^]*# /);
      type("echo code=$?\n");
      await shown.until(/code=130/);

      type("sh -c 'echo rea\"\"dy; exec cat'\n");
      await shown.until(/ready\r\n/);
      type("\x1a");
      await shown.until(/Stopped[^]*# /);
      type("fg\n");
      await shown.until(/fg\r\n[^]*exec cat/);
      type("feijoada\n");
      await shown.until(/feijoada\r\nfeijoada\r\n/);
      type("\x04");
      await shown.until(/# /);
      type("exit 3\n");

      await expect(process.wait()).resolves.toEqual({ exitCode: 3, signal: null });
    });
  });

  describe("carries", () => {
    it(`${MEGABYTES} MB out`, async () => {
      const { stdout } = await shell(
        `stty raw; dd if=/dev/zero bs=1000 count=${MEGABYTES}000 2> /dev/null | tr '\\0' x; echo end`,
      );

      expect(stdout.length).toBe(MEGABYTES * 1e6 + 4);
      expect(stdout.endsWith("xxxend\n")).toBe(true);
    });

    it(`${MEGABYTES} MB in`, async () => {
      const line = `${"y".repeat(99)}\n`;

      const shown = await typedAt("md5sum", repeat(line, MEGABYTES * 1e4));

      // Nothing is lost, doubled or out of order: md5sum of the same from a pipe says so.
      const piped = await shell("md5sum", {
        tty: false,
        input: Readable.from(repeat(line, MEGABYTES * 1e4)),
      });
      expect(shown).toBe(piped.stdout.replace("\n", "\r\n"));
    });

    it("what was written before the end to a reader who comes late", async () => {
      const script =
        "stty raw; dd if=/dev/zero bs=1000 count=50 2> /dev/null | tr '\\0' x; echo end";
      const { process } = await start(["sh", "-c", script]);

      await process.wait(); // nobody reads yet

      const text = await textOf(process);
      expect([text.length, text.slice(-4)]).toEqual([50_004, "end\n"]);
    });

    it("no more than is read", async () => {
      const script = "stty raw; i=0; while :; do i=$((i+1)); printf '%1000d ' $i; done";
      const { process } = await start(["sh", "-c", script]);
      const isWriting = async () => {
        const before = process.terminal?.readableLength;
        await sleep(100);
        return process.terminal?.readableLength !== before;
      };

      await eventually("it stops", async () => !(await isWriting()) || undefined, 10_000);

      const shown = collect(process);
      await expect(shown.until(/ 500 /)).resolves.toBeUndefined();
      await process[Symbol.asyncDispose]();
    });

    it("output to nobody, where that is asked for", async () => {
      const { exitCode, stdout } = await shell("yes | head -n 300000", { stdout: "ignore" });

      expect([exitCode, stdout]).toEqual([0, ""]);
    });

    it("what is typed after the end to nobody, without a word", async () => {
      const { process } = await start(["sh", "-c", "echo bye"]);
      const { terminal } = process;

      await process.wait();
      for (let i = 0; i < 10; i++) terminal?.write("y".repeat(10_000));
      await sleep(50);

      await expect(textOf(process)).resolves.toBe("bye\r\n");
    });

    it("the start of an input that never ends", async () => {
      const { stdout, exitCode } = await shell("head -n 2 > /dev/null; stty -echo; echo bye", {
        input: Readable.from(repeat("y\n", Infinity)),
      });

      expect(stdout.endsWith("bye\r\n")).toBe(true);
      expect(exitCode).toBe(0);
    });

    it("the end of a pipe's reader", async () => {
      const { stdout, exitCode } = await shell("yes | head -n 2");

      expect([stdout, exitCode]).toEqual(["y\r\ny\r\n", 0]);
    });
  });

  it("fails a run whose input fails, and nothing goes on", async () => {
    const input = new Readable({
      read() {
        this.destroy(new Error("the kitchen is closed"));
      },
    });

    await expect(shell("sleep 60", { input })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      cause: { message: "the kitchen is closed" },
    });
  });

  it("ends with a run that is aborted or takes too long", async () => {
    const signal = AbortSignal.timeout(300);

    await expect(shell("sleep 60", { signal })).rejects.toMatchObject({ name: "AbortError" });
    await expect(shell("echo a; sleep 60", { timeoutMs: 300 })).resolves.toMatchObject({
      stdout: "a\r\n",
      timedOut: true,
      exitCode: 137,
    });
  });

  describe("at the end of input", () => {
    it("tells every reader, whatever was typed last", async () => {
      const shown = await typedAt("cat; echo -; cat; echo -", [Buffer.from("a\nb")]);

      expect(shown).toBe("a\r\nb-\r\n-\r\n");
    });

    it("ends a shell that edits its lines, also when it was told long before", async () => {
      const { process } = await start(["sh"]);
      process.terminal?.end("sleep 0.3\nsleep 0.3; echo do''ne\n");

      await expect(textOf(process)).resolves.toMatch(/done\r\n/);
      await expect(process.wait()).resolves.toMatchObject({ exitCode: 0 });
    });

    it("is not told where nobody types at all", async () => {
      const result = shell("read -t 1 line; echo $?", {});

      await expect(result).resolves.toMatchObject({ stdout: "1\r\n" });
    });
  });

  describe("goes", () => {
    it("with its process, when a signal ends that", async () => {
      const { process } = await start(["sleep", "60"]);

      process.kill("SIGKILL");

      await expect(process.wait()).resolves.toEqual({ exitCode: 137, signal: "SIGKILL" });
      await expect(textOf(process)).resolves.toBe("");
    });

    it("with a start that fails", async () => {
      await expect(start(["/no/such"])).rejects.toMatchObject({
        code: "START_FAILED",
        details: { exitCode: 127 },
      });
    });

    it("for a reader who has closed it, and the process goes on", async () => {
      const { process } = await start(["sh", "-c", "yes | head -n 300000; exit 7"]);

      process.terminal?.destroy();

      await expect(process.wait()).resolves.toMatchObject({ exitCode: 7 });
    });
  });
});

function* repeat(text: string, times: number): Generator<Buffer> {
  const many = Math.max(1, Math.floor(10_000 / text.length));
  const bytes = Buffer.from(text.repeat(many));
  for (let left = times; left > 0; left -= many) {
    yield left >= many ? bytes : Buffer.from(text.repeat(left));
  }
}

async function textOf({ terminal }: RunningProcess): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of terminal ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** What is shown, looked at as it comes: each look begins after what the last one found. */
function collect({ terminal }: RunningProcess) {
  let text = "";
  terminal?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    async until(pattern: RegExp): Promise<void> {
      try {
        await eventually("the text", () => pattern.test(text) || undefined, 10_000);
      } catch {
        throw new Error(`no ${String(pattern)} in ${JSON.stringify(text)}`);
      }
      const match = pattern.exec(text);
      text = text.slice((match?.index ?? 0) + (match?.[0].length ?? 0));
    },
    /** What comes after that until the end. */
    async rest(): Promise<string> {
      if (terminal?.readableEnded === false) await once(terminal, "end");
      return text;
    },
  };
}
