import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AttachOptions } from "../../lib/engine/attach.ts";
import type { AttachedProcess } from "../../lib/engine/attached-process.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { type Live, claimLive } from "../../lib/engine/live.ts";
import { FRAME } from "../../lib/runtime/frames.ts";
import { Paths } from "../../lib/store/paths.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { FakeKeeper, type FakeOptions, HELLO } from "../helpers/fake-keeper.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const EXITED = { event: "exited", exitCode: 3, signal: 0 };

describe.runIf(requireUserNamespaces())("attaching", () => {
  expectNothingLeft();

  let engine: Engine;
  let container: Container;
  let live: Live | undefined;
  let keeper: FakeKeeper | undefined;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });
  afterEach(async () => {
    await keeper?.[Symbol.asyncDispose]();
    live?.finish();
    await container.remove();
    keeper = live = undefined;
  });

  /** A container that runs as far as anybody can see. */
  async function running({ tty = false, openStdin = true, ...options }: Looks = {}) {
    container = await engine.containers.create({ image: "busybox", tty, openStdin });
    const content = { startedAt: HELLO.startedAt, ...options.live };
    live = claimLive(new Paths(engine.root), container.id, content);
    keeper = await FakeKeeper.listen(join(engine.root, "containers", container.id, "socket"), {
      hello: { ...HELLO, tty, openStdin },
      ...options,
    });
    return keeper;
  }

  interface Looks extends FakeOptions {
    readonly tty?: boolean;
    readonly openStdin?: boolean;
    readonly live?: object;
  }

  /** The connections for orders, for output and for input, in the order of their coming. */
  async function attached(looks: Looks = {}, options: AttachOptions = {}) {
    const fake = await running(looks);
    const process = await container.attach(options);
    const [control, output, input] = fake.clients;
    if (control === undefined || output === undefined) throw new Error("too few connections");
    return { process, fake, control, output, input };
  }

  function end(fake: FakeKeeper, event: object = EXITED): void {
    for (const { socket } of fake.clients) {
      fake.clients.find((client) => client.socket === socket)?.tell(event);
      socket.end();
    }
  }

  it("carries output apart until the end, and resolves to how it ended", async () => {
    const { process, fake, output } = await attached();

    output.send(FRAME.stdout, "out");
    output.send(FRAME.stderr, "err");
    end(fake);

    expect(process.pid).toBe(42);
    expect(process.terminal).toBeUndefined();
    expect(await text(process.stdout!)).toBe("out");
    expect(await text(process.stderr!)).toBe("err");
    expect(await process.wait()).toEqual({ exitCode: 3, signal: null });
  });

  it("carries input, whose end is the container's only when that is asked for", async () => {
    const { process, input, output } = await attached({}, { stdinOnce: true });

    process.stdin?.end("typed");

    await eventually("the end of input", () => input?.typed.includes(null) || undefined);
    expect(input?.typed).toEqual(["typed", null]);
    expect(input?.orders).toEqual(["attach stdin once"]);
    expect(output.orders).toEqual(["attach stdout stderr"]);
    await process.detach();
  });

  it("has one stream of a terminal, and changes its size", async () => {
    const { process, fake, control, output, input } = await attached({ tty: true });

    process.terminal?.write("keys");
    output.send(FRAME.stdout, "shown");
    process.resize(80, 24);
    process.kill("SIGUSR1");
    await control.ordered("signal 10");
    await eventually("the keys", () => input?.typed.includes("keys") || undefined);
    end(fake);

    expect(await text(process.terminal!)).toBe("shown");
    expect([process.stdin, process.stdout, process.stderr]).toEqual([
      process.terminal,
      process.terminal,
      undefined,
    ]);
    expect(control.orders).toEqual(["resize 80 24", "signal 10"]);
  });

  it("ends with the process, though that is started again", async () => {
    const { process, fake, output } = await attached();

    output.send(FRAME.stdout, "last");
    for (const client of fake.clients) {
      client.tell({ event: "died", exitCode: 137, signal: 9 });
      client.tell({ event: "started", pid: 43 });
      client.send(FRAME.stdout, "of the next");
    }

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await text(process.stdout!)).toBe("last");
    await process.detach();
  });

  it.each(["died", "exited"])("ends where the process has %s just now", async (event) => {
    const fake = await running({
      news: (connection) => (connection === 1 ? { ...EXITED, event } : undefined),
    });

    const process = await container.attach({ stdin: "ignore" });

    fake.clients[0]?.tell({ ...EXITED, event });
    if (event === "exited") fake.clients[1]?.hangUp();
    expect(await text(process.stdout!)).toBe("");
    expect(await process.wait()).toEqual({ exitCode: 3, signal: null });
    await process.detach();
  });

  it("reads as killed when the keeper was", async () => {
    const { process, fake } = await attached();
    live?.close(); // and with it the lock
    live = undefined;

    await fake[Symbol.asyncDispose]();

    expect(await process.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
  });

  it("leaves the process when it is told to", async () => {
    const { process, fake } = await attached();

    await process.detach();
    await process.detach();

    await expect(process.wait()).rejects.toMatchObject({ code: "CLOSED" });
    await eventually("the connections' end", () => {
      return fake.clients.every(({ socket }) => socket.destroyed) || undefined;
    });
    expect(fake.clients.flatMap(({ orders }) => orders)).not.toContainEqual(/signal/);
    process.kill();
  });

  it("leaves the process when it is aborted", async () => {
    const abort = new AbortController();
    const { process } = await attached({}, { signal: abort.signal });

    abort.abort();

    await expect(process.wait()).rejects.toMatchObject({ name: "AbortError" });
    expect(process.stdout?.destroyed).toBe(true);
  });

  it("takes only the streams that are asked for", async () => {
    const { process, fake, output } = await attached({}, { stdin: "ignore", stderr: "ignore" });

    expect([process.stdin, process.stderr]).toEqual([undefined, undefined]);
    expect(output.orders).toEqual(["attach stdout"]);
    expect(fake.clients).toHaveLength(2);
    await process.detach();
  });

  it("takes no stdin that is not open", async () => {
    await running({ openStdin: false });
    const process: AttachedProcess = await container.attach();

    expect(process.stdin).toBeUndefined();
    await process.detach();
    await expect(container.attach({ stdin: "pipe" })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it.each([
    ["waits for its next start", { hello: { ...HELLO, restarting: true } }, "CONFLICT"],
    ["speaks to nobody", { hello: null }, "UNAVAILABLE"],
    [
      "has its streams from its starter",
      { answers: () => ({ event: "failed", errno: 95, what: "attach" }) },
      "UNSUPPORTED",
    ],
  ])("is refused where the container %s", async (_, looks: Looks, code) => {
    const fake = await running(looks);
    if (looks.hello === null) void fake.client().then((client) => client.hangUp());

    await expect(container.attach()).rejects.toMatchObject({ code });
    await eventually("the connections' end", () => {
      return fake.clients.every(({ socket }) => socket.destroyed) || undefined;
    });
  });

  it("is refused where it does not run", async () => {
    container = await engine.containers.create({ image: "busybox" });

    await expect(container.attach()).rejects.toMatchObject({
      code: "CONFLICT",
      message: `container ${container.name} is not running`,
      details: { state: "created" },
    });
  });

  it("refuses a size where there is no terminal, and sizes that are none", async () => {
    const { process } = await attached();
    expect(() => process.resize(80, 24)).toThrow(/without a terminal/);
    expect(() => process.resize(0, 24)).toThrow(/columns/);
    expect(() => process.kill(0)).toThrow(/signal/);
    await process.detach();
  });
});
