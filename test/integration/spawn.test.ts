/** spawn(): held against child_process.spawn(), case by case. */
import { type ChildProcess, spawn as spawnChild } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { type SpawnOptions, spawn } from "../../lib/api/spawn.ts";
import type { ContainerProcess } from "../../lib/api/container-process.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const NONE = Readable.from([]);

type Either = ChildProcess | ContainerProcess;

interface Case {
  readonly name: string;
  readonly script: string;
  readonly options?: { readonly stdio: "ignore" | ["ignore", "ignore", "pipe"] };
  /** What is done to it, once it has begun; `printed` resolves when it has printed anything. */
  readonly act?: (process: Either, printed: Promise<unknown>) => unknown;
}

/** What happened to it, in order, and what it is in the end. */
interface Story {
  readonly events: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly end: unknown;
}

const CASES: readonly Case[] = [
  { name: "that ends well", script: "echo out; echo err >&2" },
  { name: "that ends with a code", script: "exit 3" },
  { name: "that reads", script: "cat; echo end", act: ({ stdin }) => stdin?.end("typed\n") },
  { name: "without streams", script: "echo out; cat", options: { stdio: "ignore" } },
  {
    name: "with one stream",
    script: "echo out; echo err >&2; cat",
    options: { stdio: ["ignore", "ignore", "pipe"] },
  },
  { name: "that is killed", script: "exec sleep 100", act: (one) => one.kill() },
  { name: "that is killed hard", script: "exec sleep 100", act: (one) => one.kill("SIGKILL") },
  {
    name: "that catches the signal",
    script: "trap 'echo caught; exit 7' USR1; echo up; while :; do sleep 0.01; done",
    async act(one, printed) {
      await printed;
      one.kill("SIGUSR1");
    },
  },
  { name: "that is asked whether it lives", script: "exit 0", act: (one) => one.kill(0) },
  {
    name: "that reads no more",
    script: "exec <&-; echo closed; sleep 0.1",
    async act({ stdin }, printed) {
      await printed;
      stdin?.on("error", () => undefined);
      stdin?.write("nobody reads this");
    },
  },
];

async function storyOf(process: Either, act: Case["act"]): Promise<Story> {
  const events: string[] = [];
  for (const name of ["spawn", "error", "exit", "close"] as const) {
    (process as ChildProcess).on(name, (...values: unknown[]) => {
      events.push(
        [name, ...values.map((value) => (value instanceof Error ? value.name : value))].join(" "),
      );
    });
  }
  const closed = once(process as ChildProcess, "close");
  const printed = new Promise((resolve) => process.stdout?.once("data", resolve));
  let [stdout, stderr] = ["", ""];
  process.stdout?.on("data", (chunk) => (stdout += String(chunk)));
  process.stderr?.on("data", (chunk) => (stderr += String(chunk)));
  await once(process as ChildProcess, "spawn");
  await act?.(process, printed);
  await closed;
  const { exitCode, signalCode, killed, stdin } = process;
  const end = { exitCode, signalCode, killed, hasStdin: stdin !== null, again: process.kill() };
  return { events, stdout, stderr, end };
}

describe.runIf(requireUserNamespaces())("a spawned container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  function sh(script: string, options: SpawnOptions = {}): ContainerProcess {
    return spawn("busybox", ["sh", "-c", script], { engine, network: "none", ...options });
  }

  it.each(CASES)("$name is told of as a child process is", async ({ script, options, act }) => {
    const child = await storyOf(spawnChild("sh", ["-c", script], options ?? {}), act);
    const ours = await storyOf(sh(script, options), act);

    expect(ours).toEqual(child);
    expect(await engine.containers.list()).toEqual([]);
  });

  it("has a pid and an id from `spawn` on, and what was written before reaches it", async () => {
    const process = sh("cat");
    expect([process.pid, process.id]).toEqual([undefined, undefined]);
    process.stdin?.end("early");

    await once(process, "spawn");

    expect([typeof process.pid, process.id?.length]).toEqual(["number", 64]);
    expect(await text(process.stdout ?? NONE)).toBe("early");
    await once(process, "close");
  });

  it("that nobody reads is closed all the same", async () => {
    const process = sh("echo out; echo err >&2");

    expect(await once(process, "close")).toEqual([0, null]);
  });

  it("whose reader is slow waits, and nothing of its output is lost", async () => {
    const process = sh("seq 1 200000");
    const ended = once(process, "exit");
    await once(process.stdout ?? process, "readable");
    const first = await Promise.race([ended, once(process.stdout ?? process, "pause"), tick()]);
    expect(first).toBe("tick");

    const lines = (await text(process.stdout ?? NONE)).trim().split("\n");

    expect(lines.length).toBe(200_000);
    expect(lines.at(-1)).toBe("200000");
    await ended;
  });

  async function tick(): Promise<string> {
    await new Promise((resolve) => setImmediate(resolve));
    return "tick";
  }

  it("of no such command tells an error, and is closed", async () => {
    const process = spawn("busybox", ["nothing"], { engine, network: "none" });
    const closed = once(process, "close").catch(() => undefined);

    const [error] = (await once(process, "error")) as unknown[];

    expect(error).toMatchObject({ code: "START_FAILED", details: { exitCode: 127 } });
    await closed;
    expect([process.exitCode, process.signalCode, process.pid]).toEqual([127, null, undefined]);
    expect(await engine.containers.list()).toEqual([]);
  });

  it("of no such image does too", async () => {
    const process = spawn("nothing", ["true"], { engine });

    const [error] = (await once(process, "error")) as unknown[];

    expect(error).toMatchObject({ code: "NOT_FOUND" });
  });

  it("that is killed before it begins never does", async () => {
    const process = sh("echo out");
    const events: unknown[] = [];
    process.on("spawn", () => events.push("spawn"));
    process.on("error", (error) => events.push(error));
    const closed = once(process, "close").catch(() => undefined);
    process.kill("SIGINT");

    expect(await once(process, "exit")).toEqual([null, "SIGINT"]);
    await closed;
    expect(events).toEqual([]);
    expect(await engine.containers.list()).toEqual([]);
  });

  it.each([
    { when: "before", act: async () => undefined },
    { when: "while", act: (one: ContainerProcess) => once(one, "spawn") },
  ])("is ended by a signal that is aborted $when it runs", async ({ act }) => {
    const abort = new AbortController();
    const process = sh("sleep 100", { signal: abort.signal, killSignal: "SIGKILL" });
    const events: string[] = [];
    process.on("error", ({ name }) => events.push(name));
    process.on("exit", (_, by) => events.push(`exit ${by}`));
    const closed = new Promise((resolve) => process.on("close", resolve));
    await act(process);
    abort.abort();
    await closed;

    expect(events).toEqual(["AbortError", "exit SIGKILL"]);
  });

  it("ends by itself when its time is over", async () => {
    const process = sh("echo up; sleep 100", { timeoutMs: 50 });

    expect(await once(process, "close")).toEqual([null, "SIGTERM"]);
  });

  it("with a terminal has one stream for both", async () => {
    const process = sh("stty size; read line; echo got $line", {
      tty: true,
      columns: 90,
      rows: 20,
    });
    await once(process, "spawn");
    await lineOf(process.stdout ?? NONE, /20 90/);
    process.stdin?.write("typed\n");

    expect(await once(process, "exit")).toEqual([0, null]);
    expect(process.stderr).toBeNull();
  });

  it("goes with its scope", async () => {
    let process: ContainerProcess;
    {
      await using scoped = sh("sleep 100");
      process = scoped;
      await once(scoped, "spawn");
    }
    expect(process.signalCode).toBe("SIGKILL");
    expect(await engine.containers.list()).toEqual([]);
  });

  it("stays when it is asked to", async () => {
    const process = sh("echo kept > /f", { remove: false, init: false });
    await once(process, "close");

    const kept = await engine.containers.get(process.id ?? "");
    expect((await kept.state()).exitCode).toBe(0);
    await kept.remove();
  });

  it.each([
    ["stdio", { stdio: "overlapped" }],
    ["stdio", { stdio: ["pipe", "pipe", "pipe", "ipc"] }],
    ["timeoutMs", { timeoutMs: 0.5 }],
    ["signal", { signal: {} }],
    ["killSignal", { killSignal: "SIGNOTHING" }],
  ])("is refused at once for a wrong %s", (_, options) => {
    expect(() => sh("true", options as SpawnOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }) as Error,
    );
  });
});
