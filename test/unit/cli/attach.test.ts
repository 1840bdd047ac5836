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
