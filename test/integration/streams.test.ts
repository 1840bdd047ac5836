import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { type KeeperConnection, connectKeeper } from "../../lib/runtime/keeper-socket.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const LINES = 40_000;

/** Numbers that a reader can tell to be all there, each in a line of 100 bytes. */
const COUNT = `awk 'BEGIN { for (i = 0; i < ${LINES}; i++) printf "%099d\\n", i }'`;

describe.runIf(requireUserNamespaces())("what a container writes and reads", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function create(
    line: string,
    options: Omit<CreateOptions, "image" | "command"> = {},
  ): Promise<Container> {
    return engine.containers.create({ image: "busybox", command: ["sh", "-c", line], ...options });
  }

  const path = (box: Container, name: string) => join(engine.root, "containers", box.id, name);

  async function connect(box: Container): Promise<KeeperConnection> {
    const connection = await connectKeeper(path(box, "socket"));
    if (connection === undefined) throw new Error("nobody listens");
    return connection;
  }

  /** One chunk at a time, and now and then none at all. */
  async function readSlowly(stream: Readable | undefined): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream ?? []) {
      chunks.push(chunk as Buffer);
      if (chunks.length % 8 === 0) await pause(1);
    }
    return Buffer.concat(chunks).toString();
  }

  function logged(box: Container, name = "log"): string[] {
    const lines = readFileSync(path(box, name), "utf8").split("\n");
    expect(lines.pop()).toBe("");
    return lines.map((line) => {
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F ./u);
      return line.slice("2026-11-22T09:00:00.123456789Z stdout F ".length);
    });
  }

  const expected = Array.from({ length: LINES }, (_, line) => String(line).padStart(99, "0"));

  it("comes whole and in order to slow readers, several at once, and to full logs", async () => {
    const box = await create(`read go; ${COUNT}`, {
      openStdin: true,
      log: { maxSize: 1_000_000, maxFiles: 4 },
    });
    const process = await box.start({ stdin: "pipe" });
    const connections = [await connect(box), await connect(box)];
    const attached = await Promise.all(
      connections.map((connection) => connection.attach({ stdout: true })),
    );
    process.stdin?.write("go\n");

    const [first, ...others] = await Promise.all([
      readSlowly(process.stdout),
      ...attached.map((streams) => readSlowly(streams?.stdout)),
    ]);
    expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
    for (const connection of connections) {
      expect(await connection.ended).toMatchObject({ exitCode: 0, signal: null });
    }

    expect(first).toBe(`${expected.join("\n")}\n`);
    expect(others.every((text) => text === first)).toBe(true);
    const files = ["log.3", "log.2", "log.1", "log"];
    const lines = files.flatMap((name) => logged(box, name));
    expect(lines).toEqual(expected.slice(-lines.length));
    for (const name of files.slice(0, 3)) {
      expect(statSync(path(box, name)).size).toBeGreaterThanOrEqual(1_000_000);
      expect(statSync(path(box, name)).size).toBeLessThan(1_000_200);
    }
    await box.remove();
  });

  it("is read no faster than by the slowest", async () => {
    const box = await create("read go; yes", { openStdin: true, log: { driver: "none" } });
    const process = await box.start({ stdin: "pipe", detach: true });
    const [slow, fast] = [await connect(box), await connect(box)];
    await slow.attach({ stdout: true });
    const streams = await fast.attach({ stdout: true });
    let taken = 0;
    streams?.stdout?.on("data", (chunk: Buffer) => (taken += chunk.length));
    process.stdin?.write("go\n");

    // It stands still, and not for want of time: it goes on at once when the other leaves.
    let before = -1;
    await eventually("a writer that is stopped", async () => {
      const isStill = taken > 0 && taken === before;
      before = taken;
      await pause(50);
      return isStill && taken === before;
    });
    expect(taken).toBeLessThan(4_000_000);
    slow.close();
    await eventually("a writer that goes on", () => taken > before + 1_000_000);

    await fast.order("end 9");
    expect(await fast.ended).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    await box.remove();
  });

  it("is there for a reader who comes when it has ended", async () => {
    const box = await create("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2", {
      log: { driver: "k8s-file" },
    });
    const process = await box.start();
    expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
    expect((await readSlowly(process.stdout)).length).toBe(60_000);
    expect((await readSlowly(process.stderr)).length).toBe(60_000);
    await box.remove();
  });

  it("may be typed by several, and ends with who said so", async () => {
    const box = await create("cat", { openStdin: true });
    const process = await box.start({ detach: true });
    const [one, two] = [await connect(box), await connect(box)];
    const typing = await one.attach({ stdin: true });
    const both = await two.attach({ stdin: true, stdout: true, once: true });

    typing?.stdin?.end("one\n"); // no end of the container's: it did not ask for that
    await eventually("a line", () => readFileSync(path(box, "log"), "utf8").includes("one"));
    both?.stdin?.end("two\n");
    expect(await readSlowly(both?.stdout)).toMatch(/^(one\n)?two\n$/u);
    expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
    expect(logged(box)).toEqual(["one", "two"]);
    one.close();
    await box.remove();
  });

  it("goes where it went, without a log and in the foreground", async () => {
    const box = await create("cat; readlink /proc/self/fd/1", { log: { driver: "none" } });
    const process = await box.start({ stdin: "pipe" });
    const connection = await connect(box);
    await expect(connection.attach({ stdout: true })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOTSUP",
    });
    process.stdin?.end("in\n");
    expect(await readSlowly(process.stdout)).toMatch(/^in\npipe:/u);
    expect(await process.wait()).toEqual({ exitCode: 0, signal: null });
    await box.remove();
  });
});
