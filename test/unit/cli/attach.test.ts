import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { attach, catchSignals, type ProxiedSignals } from "../../../lib/cli/attach.ts";

function terminal(input: Readable = Readable.from([])) {
  return { stdin: input, stdout: new PassThrough(), stderr: new PassThrough() };
}

function running(parts: { stdin?: Writable; stdout?: Readable; stderr?: Readable } = {}) {
  let exit: (exitCode: number) => void = () => {};
  const ended = new Promise<{ exitCode: number }>((resolve) => {
    exit = (exitCode) => resolve({ exitCode });
  });
  const kills: number[] = [];
  return {
    stdin: undefined,
    stdout: undefined,
    stderr: undefined,
    ...parts,
    wait: () => ended,
    kill: (signal: number) => kills.push(signal),
    kills,
    exit,
  };
}

function closed(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => stream.once("close", () => resolve()));
}

describe("attach", () => {
  it("carries both outputs and resolves to the exit code", async () => {
    const ours = terminal();
    const box = running({ stdout: Readable.from(["out"]), stderr: Readable.from(["err"]) });

    const attached = attach(box, ours);
    box.exit(7);

    expect(await attached).toBe(7);
    expect(String(ours.stdout.read())).toBe("out");
    expect(String(ours.stderr.read())).toBe("err");
    expect(ours.stdout.writableEnded).toBe(false);
  });

  it("carries input, and its end", async () => {
    const stdin = new PassThrough();
    const box = running({ stdin });

    const attached = attach(box, terminal(Readable.from(["typed"])));

    expect(await text(stdin)).toBe("typed");
    box.exit(0);
    await attached;
  });

  it("ends while nobody types", async () => {
    const typing = new PassThrough();
    const box = running({ stdin: new PassThrough() });

    const attached = attach(box, terminal(typing));
    box.exit(0);

    expect(await attached).toBe(0);
    expect(typing.destroyed).toBe(true);
  });

  it("kills the process when our input cannot be read, and tells why", async () => {
    const fault = Object.assign(new Error("EINVAL: invalid argument, read"), { code: "EINVAL" });
    const stdin = new PassThrough();
    const box = running({ stdin });

    const attached = attach(
      box,
      terminal(
        new Readable({
          read: (): never => {
            throw fault;
          },
        }),
      ),
    );
    await closed(stdin);
    await new Promise(setImmediate); // an unhandled rejection would fail the test
    box.exit(137);

    await expect(attached).rejects.toBe(fault);
    expect(box.kills).toEqual([9]);
  });

  it("goes on when the process stops reading", async () => {
    const stdin = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: "EPIPE" })),
    });
    const box = running({ stdin });

    const attached = attach(box, terminal(Readable.from(["typed"])));
    await closed(stdin);
    box.exit(0);

    expect(await attached).toBe(0);
  });

  it("kills the process when nobody reads its output", async () => {
    const stdout = new PassThrough();
    const unread = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: "EPIPE" })),
    });
    const box = running({ stdout });

    const attached = attach(box, { ...terminal(), stdout: unread });
    stdout.write("unread");
    await closed(unread);
    box.exit(137);

    expect(await attached).toBe(141);
    expect(box.kills).toEqual([9]);
  });

  it("kills the process and fails when output cannot be written", async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: "ENOSPC" })),
    });
    const box = running({ stdout: Readable.from(["unwritten"]) });

    await expect(attach(box, { ...terminal(), stdout: full })).rejects.toMatchObject({
      code: "ENOSPC",
    });
    expect(box.kills).toEqual([9]);
  });

  it("does not read ahead of a slow reader", async () => {
    let produced = 0;
    const stdout = new Readable({
      read() {
        produced += 16_384;
        this.push(Buffer.alloc(16_384));
      },
    });
    const stuck = new Writable({ write: () => {} });
    const box = running({ stdout });

    void attach(box, { ...terminal(), stdout: stuck });
    await new Promise((resolve) => setImmediate(resolve));

    expect(produced).toBeLessThan(1_000_000);
    stdout.destroy();
    box.exit(0);
  });
});

describe("signals", () => {
  let caught: ProxiedSignals | undefined;
  afterEach(() => caught?.stop());

  const arrive = (name: NodeJS.Signals) => process.emit(name, name);

  it("go to the process", () => {
    const box = running();
    caught = catchSignals({ proxy: true });
    caught.to(box);

    for (const name of ["SIGHUP", "SIGUSR1", "SIGWINCH", "SIGTERM"] as const) arrive(name);

    expect(box.kills).toEqual([1, 10, 28, 15]);
  });

  it("kill the process at the third request to end", () => {
    const box = running();
    caught = catchSignals({ proxy: true });
    caught.to(box);

    for (const name of ["SIGINT", "SIGHUP", "SIGTERM", "SIGINT"] as const) arrive(name);

    expect(box.kills).toEqual([2, 1, 15, 9]);
  });

  it("stop a start that is still under way", () => {
    caught = catchSignals({ proxy: true });

    arrive("SIGWINCH");
    expect(caught.early.aborted).toBe(false);
    arrive("SIGTERM");

    expect(caught.early.reason).toBe(15);
  });

  it("end us where the process has a terminal, which hangs up", () => {
    const box = running();
    caught = catchSignals({ proxy: true });
    caught.hangUp(box);

    arrive("SIGWINCH");
    arrive("SIGCONT");
    expect([box.kills, caught.hungUpBy]).toEqual([[], undefined]);
    arrive("SIGTERM");
    expect([box.kills, caught.hungUpBy]).toEqual([[1], 15]);
    arrive("SIGINT");
    expect([box.kills, caught.hungUpBy]).toEqual([[1, 9], 15]);
  });

  it("kill a process that goes on when its terminal has hung up", async () => {
    const box = running();
    caught = catchSignals({ proxy: true });
    caught.hangUp(box);

    arrive("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 1_100));

    expect(box.kills).toEqual([1, 9]);
  });

  it("are left alone when they are not to be proxied", () => {
    const before = process.listenerCount("SIGINT");

    caught = catchSignals({ proxy: false });
    caught.to(running());

    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});

describe("leaving", () => {
  /** A process that can be let go of. */
  function detachable(parts: Parameters<typeof running>[0] = {}) {
    const box = running(parts);
    let detached = 0;
    const detach = async () => {
      detached++;
      parts.stdout?.destroy();
    };
    return { ...box, detach, count: () => detached };
  }

  const keys = Uint8Array.of(16, 17);

  it("lets go of the process by the keys, which are not passed on", async () => {
    const stdin = new PassThrough();
    const box = detachable({ stdin, stdout: new PassThrough() });
    const typing = new PassThrough();
    let told = 0;

    const attached = attach(box, terminal(typing), {
      detachKeys: keys,
      onDetach: () => told++,
    });
    typing.write("ls\x10");
    typing.write("\x11lost");

    expect(await attached).toBe(0);
    expect([box.count(), told]).toEqual([1, 1]);
    expect(box.kills).toEqual([]);
    expect(String(stdin.read())).toBe("ls");
    expect(stdin.writableEnded).toBe(false); // that would be the end of its input
  });

  it("passes on what only looked like the keys, at the end too", async () => {
    const stdin = new PassThrough();
    const box = detachable({ stdin });

    const attached = attach(box, terminal(Readable.from([Buffer.from("\x10x\x10")])), {
      detachKeys: keys,
    });

    expect(await text(stdin)).toBe("\x10x\x10");
    box.exit(0);
    expect(await attached).toBe(0);
    expect(box.count()).toBe(0);
  });

  it("finds the keys where nothing else is read", async () => {
    const box = detachable();

    const attached = attach(box, terminal(Readable.from([Buffer.from("abc\x10\x11")])), {
      detachKeys: keys,
      watchKeys: true,
    });

    expect(await attached).toBe(0);
    expect(box.count()).toBe(1);
  });

  it("happens when it is asked for, before or after", async () => {
    const late = new AbortController();
    const before = detachable();
    const after = detachable({ stdout: new PassThrough() });

    const attached = attach(after, terminal(), { leave: late.signal });
    late.abort();

    expect(await attached).toBe(0);
    expect(await attach(before, terminal(), { leave: late.signal })).toBe(0);
    expect([before.count(), after.count(), before.kills, after.kills]).toEqual([1, 1, [], []]);
  });

  it("comes of output that nobody reads, where the process was there before us", async () => {
    const unread = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: "EPIPE" })),
    });
    const box = detachable({ stdout: new PassThrough().end("unread") });

    expect(await attach(box, { ...terminal(), stdout: unread }, { outlives: true })).toBe(141);
    expect([box.count(), box.kills]).toEqual([1, []]);
  });

  it("comes with the error of output that cannot be written", async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: "ENOSPC" })),
    });
    const box = detachable({ stdout: new PassThrough().end("unwritten") });

    await expect(
      attach(box, { ...terminal(), stdout: full }, { outlives: true }),
    ).rejects.toMatchObject({ code: "ENOSPC" });
    expect([box.count(), box.kills]).toEqual([1, []]);
  });
});
