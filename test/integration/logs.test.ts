import { appendFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { logs } from "../../lib/api/containers.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { LogEntry, LogsOptions } from "../../lib/engine/log-entries.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { FakeKeeper } from "../helpers/fake-keeper.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const EXITED = { event: "exited", exitCode: 0, signal: 0 };

function at(second: number, nano = "000000000"): string {
  return `2026-11-22T09:00:${String(second).padStart(2, "0")}.${nano}Z`;
}

describe.runIf(requireUserNamespaces())("the log of a container", () => {
  expectNothingLeft();

  let engine: Engine;
  let container: Container;
  let keeper: FakeKeeper | undefined;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });
  afterEach(async () => {
    await keeper?.[Symbol.asyncDispose]();
    keeper = undefined;
    await container.remove();
  });

  async function make(options: Partial<CreateOptions> = {}): Promise<void> {
    container = await engine.containers.create({ image: "busybox", ...options });
  }

  const path = (name: string) => join(engine.root, "containers", container.id, name);

  function write(...lines: readonly string[]): void {
    appendFileSync(path("log"), lines.map((line) => `${line}\n`).join(""));
  }

  /** As if it ran. */
  async function runs(): Promise<FakeKeeper> {
    keeper = await FakeKeeper.listen(path("socket"));
    return keeper;
  }

  async function read(options: LogsOptions = {}): Promise<LogEntry[]> {
    const entries = [];
    for await (const entry of container.logs(options)) entries.push(entry);
    return entries;
  }

  const texts = async (options: LogsOptions = {}) => (await read(options)).map(({ text }) => text);

  it("is empty before the first start, followed or not", async () => {
    await make();

    expect(await read()).toEqual([]);
    expect(await read({ follow: true })).toEqual([]);
  });

  it("has each line with its stream and its time", async () => {
    await make();
    write(`${at(1, "123456789")} stdout F feijão`, `${at(2)} stderr F `);

    expect(await read()).toEqual([
      { stream: "stdout", text: "feijão", time: at(1, "123456789") },
      { stream: "stderr", text: "", time: at(2) },
    ]);
  });

  it("joins the parts of a line, though they break a character, or lines of the other stream", async () => {
    await make();
    appendFileSync(
      path("log"),
      Buffer.concat([
        Buffer.from(`${at(1)} stdout P feij`),
        Buffer.from("ão").subarray(0, 1),
        Buffer.from(`\n${at(2)} stderr F other\n${at(3)} stdout F `),
        Buffer.from("ão").subarray(1),
        Buffer.from("\n"),
      ]),
    );

    expect(await read()).toEqual([
      { stream: "stderr", text: "other", time: at(2) },
      { stream: "stdout", text: "feijão", time: at(1) },
    ]);
  });

  it("says of a last line that it was not ended, and of a very long one that it goes on", async () => {
    await make();
    const part = `${at(1)} stdout P ${"x".repeat(16_384)}`;
    write(
      ...Array.from({ length: 64 }, () => part),
      `${at(2)} stdout F end`,
      `${at(3)} stdout P $ `,
    );

    const [long, end, prompt, ...more] = await read();

    expect(long).toEqual({
      stream: "stdout",
      text: "x".repeat(2 ** 20),
      time: at(1),
      isPartial: true,
    });
    expect(end).toEqual({ stream: "stdout", text: "end", time: at(2) });
    expect(prompt).toEqual({ stream: "stdout", text: "$ ", time: at(3), isPartial: true });
    expect(more).toEqual([]);
  });

  it("has no carriage returns of a terminal", async () => {
    await make({ tty: true });
    write(`${at(1)} stdout F shown\r`);

    expect(await texts()).toEqual(["shown"]);
  });

  it("is read from, and up to, a moment, to the nanosecond", async () => {
    await make();
    for (let nano = 0; nano < 5; nano++) write(`${at(1, `00000000${nano}`)} stdout F ${nano}`);

    expect(await texts({ since: at(1, "000000003") })).toEqual(["3", "4"]);
    expect(await texts({ until: at(1, "000000001") })).toEqual(["0", "1"]);
    expect(await texts({ tail: 1, until: at(1, "000000001") })).toEqual(["1"]);
    expect(await texts({ tail: 3, since: at(1, "000000004") })).toEqual(["4"]);
    expect(await texts({ since: new Date(at(2)) })).toEqual([]);
    expect(await texts({ until: "24h" })).toEqual([]);
  });

  it("is followed over restarts and rotations until the container has ended", async () => {
    await make();
    write(`${at(1)} stdout F 1`);
    const fake = await runs();
    const seen: string[] = [];
    const client = fake.client();

    for await (const { text } of container.logs({ follow: true })) {
      seen.push(text);
      const number = Number(text);
      if (number % 3 === 0) renameSync(path("log"), path("log.1"));
      if (number === 4) (await client).tell({ event: "died", exitCode: 1, signal: 0 });
      if (number === 5) (await client).tell({ event: "started", pid: 43 });
      if (number < 10) {
        write(`${at(number)} stdout F ${number + 1}`);
        continue;
      }
      if (number !== 10) continue;
      write(`${at(11)} stdout F last`, `${at(11)} stdout P unended`);
      (await client).tell(EXITED);
      (await client).socket.end();
    }

    const numbers = Array.from({ length: 10 }, (_, index) => String(index + 1));
    expect(seen).toEqual([...numbers, "last", "unended"]);
  });

  it("is followed from its end on", async () => {
    await make();
    write(`${at(1)} stdout F before`);
    const fake = await runs();

    write(`${at(2)} stdout F last`);
    const seen: string[] = [];
    for await (const { text } of container.logs({ follow: true, tail: 1 })) {
      seen.push(text);
      if (text !== "last") continue;
      write(`${at(3)} stdout F after`);
      const client = await fake.client();
      client.tell(EXITED);
      client.socket.end();
    }

    expect(seen).toEqual(["last", "after"]);
  });

  it("is followed to its end when the keeper is killed", async () => {
    await make();
    const fake = await runs();

    const reading = texts({ follow: true });
    const client = await fake.client();
    write(`${at(1)} stdout F last`, `${at(1)} stdout F tor`);
    appendFileSync(path("log"), `${at(1)} stdout F torn`);
    client.hangUp();

    expect(await reading).toEqual(["last", "tor", "torn"]);
  });

  it("is not followed beyond a moment", async () => {
    await make();
    await runs();

    expect(await texts({ follow: true, until: new Date(Date.now() + 50) })).toEqual([]);
  });

  it("is not followed any more after an abort, or when the loop is left", async () => {
    await make();
    const fake = await runs();
    const abort = new AbortController();
    const following = texts({ follow: true, signal: abort.signal });
    await fake.client();
    abort.abort();
    await expect(following).rejects.toMatchObject({ name: "AbortError" });
    await expect(texts({ signal: abort.signal })).rejects.toMatchObject({ name: "AbortError" });

    write(`${at(1)} stdout F one`);
    for await (const { text } of container.logs({ follow: true })) {
      expect(text).toBe("one");
      break;
    }
  });

  it("lets go of who leaves while nothing comes", async () => {
    await make();
    const fake = await runs();
    const iterators = [
      container.logs({ follow: true })[Symbol.asyncIterator](),
      logs(container.id, { engine, follow: true }),
    ];

    for (const iterator of iterators) {
      const waiting = iterator.next();
      await fake.client(iterators.indexOf(iterator));
      expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
      expect(await waiting).toEqual({ done: true, value: undefined });
    }
  });

  it("is there until the container is removed", async () => {
    await make();
    await container.remove();

    await expect(read()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is refused where there is none", async () => {
    await make({ log: { driver: "none" } });

    await expect(read()).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it.each<[LogsOptions & Record<string, unknown>, string]>([
    [{ tail: -1 }, "tail"],
    [{ tail: 1.5 }, "tail"],
    [{ since: "yesterday" }, "yesterday"],
    [{ until: new Date(NaN) }, "until"],
    [{ lines: 3 }, "lines"],
  ])("is not read with %j", async (options, word) => {
    await make();

    expect(() => container.logs(options)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(word) }),
    );
  });
});
