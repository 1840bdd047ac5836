import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { FRAME } from "../../lib/runtime/frames.ts";
import { type ConnectOptions, connectKeeper } from "../../lib/runtime/keeper-socket.ts";
import { eventually } from "../helpers/eventually.ts";
import { FakeKeeper, type FakeOptions, HELLO } from "../helpers/fake-keeper.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";

describe("a connection to a keeper", () => {
  expectNothingLeft();

  let keeper: FakeKeeper | undefined;
  afterEach(async () => keeper?.[Symbol.asyncDispose]());

  async function listen(options: FakeOptions = {}) {
    const path = join(await temporaryFolder(), "socket");
    keeper = await FakeKeeper.listen(path, options);
    return { path, keeper };
  }

  async function connected(options: FakeOptions = {}, connect: ConnectOptions = {}) {
    const { path, keeper: fake } = await listen(options);
    const connection = await connectKeeper(path, connect);
    if (connection === undefined) throw new Error("nobody listens");
    return { connection, client: await fake.client(), fake };
  }

  it("begins with what the keeper says of its container", async () => {
    const { connection } = await connected();

    const { event: _, ...hello } = HELLO;
    expect(connection.hello).toEqual(hello);
    connection.close();
  });

  it("is not there when there is no directory, no socket, nobody behind it, or one who goes", async () => {
    const folder = await temporaryFolder();
    expect(await connectKeeper(join(folder, "none", "socket"))).toBeUndefined();
    expect(await connectKeeper(join(folder, "socket"))).toBeUndefined();

    const { path, keeper: fake } = await listen({ hello: null });
    const connecting = connectKeeper(path);
    (await fake.client()).hangUp();
    expect(await connecting).toBeUndefined();
  });

  it.each([HELLO, null])("is not kept by an abort before it is there: %o", async (hello) => {
    const { path, keeper: fake } = await listen({ hello });
    const abort = new AbortController();
    const connecting = connectKeeper(path, { signal: abort.signal });

    abort.abort();

    await expect(connecting).rejects.toMatchObject({ name: "AbortError" });
    const { socket } = await fake.client();
    await eventually("the connection's end", () => socket.destroyed || undefined);
  });

  it("ends with an abort while the keeper says nothing", async () => {
    const { path, keeper: fake } = await listen({ hello: null });
    const abort = new AbortController();

    const connecting = connectKeeper(path, { signal: abort.signal });
    const client = await fake.client();
    abort.abort();

    await expect(connecting).rejects.toMatchObject({ name: "AbortError" });
    await eventually("the end of the connection", () => client.socket.destroyed || undefined);
  });

  it("tells of each order whether it was obeyed, in their order", async () => {
    const failed = { event: "failed", errno: 3, what: "send a signal" };
    const { connection, client } = await connected({
      answers: (order) => (order === "signal 9" ? failed : { event: "done" }),
    });

    const orders = await Promise.allSettled(
      ["signal 15", "signal 9", "resize 80 24"].map((words) => connection.order(words)),
    );

    expect(client.orders).toEqual(["signal 15", "signal 9", "resize 80 24"]);
    expect(orders).toMatchObject([
      { value: true },
      { reason: { code: "UNAVAILABLE", errno: "ESRCH", message: /^send a signal: / } },
      { value: true },
    ]);
    connection.close();
  });

  it("tells of an order that the keeper did not live to obey", async () => {
    const { connection, client } = await connected({ answers: () => undefined });

    const ordered = connection.order("end 15");
    await client.ordered("end 15");
    client.hangUp();

    expect(await ordered).toBe(false);
    expect(await connection.order("end 9")).toBe(false);
    expect(await connection.ended).toBeUndefined();
  });

  it("hears what happens, and how the container ended", async () => {
    const heard: string[] = [];
    const { connection, client } = await connected(
      {},
      { onEvent: ({ event }) => heard.push(event) },
    );

    client.tell({ event: "died", exitCode: 1, signal: 0 });
    client.tell({ event: "started", pid: 43 });
    client.tell({ event: "exited", exitCode: 143, signal: 15, finishedAt: "2026-11-22T10:00:00Z" });
    client.socket.end();

    expect(await connection.ended).toEqual({
      exitCode: 143,
      signal: "SIGTERM",
      finishedAt: "2026-11-22T10:00:00Z",
    });
    expect(heard).toEqual(["died", "started", "exited"]);
  });

  it("is over when what comes is no frame, or no event", async () => {
    for (const junk of [
      "HTTP/1.1 200 OK\r\n\r\n",
      "\x03\0\0\0\0\0\0\x02{}",
      "\x03\0\0\0\0\0\0\x01{",
    ]) {
      const { connection, client } = await connected();
      client.socket.write(junk);
      expect(await connection.ended).toBeUndefined();
      await keeper?.[Symbol.asyncDispose]();
    }
  });

  it("carries output apart, and ends it", async () => {
    const { connection, client } = await connected();

    const streams = await connection.attach({ stdout: true, stderr: true });
    client.send(FRAME.stdout, "one ");
    client.send(FRAME.stderr, "two");
    client.send(FRAME.stdout, "three");
    client.tell({ event: "exited", exitCode: 3, signal: 0 });
    client.socket.end();

    expect(client.orders).toEqual(["attach stdout stderr"]);
    expect(streams?.stdin).toBeUndefined();
    expect(await Promise.all([text(streams!.stdout!), text(streams!.stderr!)])).toEqual([
      "one three",
      "two",
    ]);
    expect(await connection.ended).toMatchObject({ exitCode: 3 });
  });

  it("carries input and its end", async () => {
    const { connection, client } = await connected();
    const long = "x".repeat(200_000);

    const streams = await connection.attach({ stdin: true, once: true });
    streams?.stdin?.write("typed");
    streams?.stdin?.end(long);

    expect(client.orders).toEqual(["attach stdin once"]);
    await eventually("the end of input", () => client.typed.includes(null) || undefined);
    expect(client.typed.map((part) => part ?? "").join("")).toBe(`typed${long}`);
    connection.close();
  });

  it("gives up an input whose keeper has gone, without an error", async () => {
    const { connection, client } = await connected();
    const streams = await connection.attach({ stdin: true });

    client.hangUp();
    await connection.ended;

    const written = new Promise((resolve) => streams?.stdin?.write("late", resolve));
    expect(await written).toMatchObject({ code: "ERR_STREAM_DESTROYED" });
  });

  it("takes no more than somebody reads", async () => {
    const { connection, client } = await connected();
    const streams = await connection.attach({ stdout: true });
    const chunk = Buffer.alloc(64 * 1024, "y");
    let sent = 0;
    while (client.socket.writableLength < 2 ** 20) {
      client.send(FRAME.stdout, chunk);
      sent += chunk.length;
    }

    let before = 0;
    let same = 0;
    await eventually("the writer to be stuck", () => {
      same = client.socket.writableLength === before ? same + 1 : 0;
      before = client.socket.writableLength;
      return same === 5 || undefined;
    });
    expect(before).toBeGreaterThan(0);

    client.socket.end();
    expect((await text(streams!.stdout!)).length).toBe(sent);
  });

  it("goes on when one of the outputs is not wanted any more", async () => {
    const { connection, client } = await connected();
    const streams = await connection.attach({ stdout: true, stderr: true });

    streams?.stderr?.destroy();
    for (let i = 0; i < 100; i++) client.send(FRAME.stderr, Buffer.alloc(60_000));
    client.send(FRAME.stdout, "read");
    client.socket.end();

    expect(await text(streams!.stdout!)).toBe("read");
  });

  it("attaches to nothing when the keeper ends instead", async () => {
    const { connection, client } = await connected({ answers: () => undefined });

    const attaching = connection.attach({ stdout: true });
    await client.ordered("attach stdout");
    client.hangUp();

    expect(await attaching).toBeUndefined();
  });

  it("reaches a socket whose path is longer than an address can be", async () => {
    const folder = join(await temporaryFolder(), "x".repeat(200));
    mkdirSync(folder);
    const fd = openSync(folder, "r");
    keeper = await FakeKeeper.listen(`/proc/self/fd/${fd}/socket`);

    const connection = await connectKeeper(join(folder, "socket"));

    expect(connection?.hello.pid).toBe(42);
    connection?.close();
    await keeper[Symbol.asyncDispose]();
    closeSync(fd);
    keeper = undefined;
  });
});
