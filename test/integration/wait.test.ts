import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { removeContainers } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

expectNothingLeft();

let engine: Engine;

beforeAll(async () => {
  if (requireUserNamespaces()) engine = await busyboxEngine();
});

afterEach(() => removeContainers(engine));

/** Whether it has resolved by now; nothing is waited for but what is due. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const due = new Promise((resolve) => setImmediate(resolve, pending));
  return (await Promise.race([promise, due])) === pending;
}

describe.runIf(requireUserNamespaces())("whoever waits for a container", () => {
  const create = (command: readonly string[], remove = false): Promise<Container> =>
    engine.containers.create({ image: "busybox", command, network: "none", remove });

  it("hears at once of one that does not run", async () => {
    const box = await create(["sh", "-c", "exit 5"]);
    expect(await box.wait()).toEqual({ exitCode: 0 });

    await (await box.start()).wait();
    expect(await box.wait()).toEqual({ exitCode: 5 });
  });

  it("hears why a command never began", async () => {
    const box = await create(["/no/such"]);
    await expect(box.start()).rejects.toMatchObject({ code: "START_FAILED" });

    expect(await box.wait()).toEqual({ exitCode: 127, error: expect.stringContaining("/no/such") });
  });

  it("hears of the end of one that runs, whoever started it and wherever", async () => {
    const box = await create(["sh", "-c", "read line; exit 6"]);
    const process = await box.start({ stdin: "pipe" });
    const elsewhere = await openEngine({ root: engine.root });
    const waits = [
      box.wait(),
      (await elsewhere.containers.get(box.id)).wait(),
      (await elsewhere.containers.get(box.id)).wait({ condition: "next-exit" }),
    ];
    expect(await Promise.all(waits.map(isPending))).toEqual([true, true, true]);

    process.stdin?.end("go\n");

    for (const one of waits) expect(await one).toEqual({ exitCode: 6 });
    await elsewhere.close();
  });

  it("hears of one that is killed with its keeper", async () => {
    const box = await create(["sleep", "60"]);
    const process = await box.start();
    const waiting = box.wait();
    const { pid } = process;

    globalThis.process.kill(pid, "SIGKILL");

    expect(await waiting).toEqual({ exitCode: 137 });
  });

  it("hears of the next end, though it be started first", async () => {
    const box = await create(["sh", "-c", "exit 7"]);
    const waiting = box.wait({ condition: "next-exit" });
    expect(await isPending(waiting)).toBe(true);

    await (await box.start()).wait();

    expect(await waiting).toEqual({ exitCode: 7 });
  });

  it("hears of its removal", async () => {
    const box = await create(["sh", "-c", "exit 8"]);
    const waiting = box.wait({ condition: "removed" });
    await (await box.start()).wait();
    expect(await isPending(waiting)).toBe(true);

    await box.remove();

    expect(await waiting).toEqual({ exitCode: 8 });
    await expect(box.wait()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("hears how one ended that goes at its end", async () => {
    const box = await create(["sh", "-c", "read line; exit 9"], true);
    const process = await box.start({ stdin: "pipe" });
    const waits = (["not-running", "removed"] as const).map((condition) => box.wait({ condition }));
    expect(await Promise.all(waits.map(isPending))).toEqual([true, true]);

    process.stdin?.end("go\n");

    for (const one of waits) expect(await one).toEqual({ exitCode: 9 });
  });

  it.each(["not-running", "next-exit", "removed"] as const)(
    "for %s may stop waiting",
    async (condition) => {
      const box = await create(["sleep", "60"]);
      await box.start({ detach: true });
      const abort = new AbortController();

      const waiting = box.wait({ condition, signal: abort.signal });
      const refused = expect(waiting).rejects.toMatchObject({ name: "AbortError" });
      expect(await isPending(waiting)).toBe(true);
      abort.abort();

      await refused;
      expect(await box.state()).toMatchObject({ status: "running" });
    },
  );

  it("for what is no condition is refused", async () => {
    const box = await create(["true"]);

    await expect(box.wait(JSON.parse('{"condition":"never"}'))).rejects.toThrow(
      /"condition" to be "not-running" or "next-exit" or "removed"/,
    );
  });
});
