import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { removeContainers } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

expectNothingLeft();

let engine: Engine;

beforeAll(async () => {
  if (requireUserNamespaces()) engine = await busyboxEngine();
});

afterEach(() => removeContainers(engine));

const SLEEP = ["sleep", "1000"];

const create = (command: readonly string[], options: Omit<CreateOptions, "image"> = {}) =>
  engine.containers.create({ image: "busybox", network: "none", ...options, command });

async function startedAt(box: Container): Promise<string | undefined> {
  const { status, startedAt: at } = await box.state();
  return status === "running" ? at : undefined;
}

describe.runIf(requireUserNamespaces())("a container that is restarted", () => {
  it("ends and begins anew", async () => {
    const box = await create(SLEEP);
    await box.start({ detach: true });
    const before = await box.state();

    await box.restart({ timeoutMs: 0 });

    const after = await box.state();
    expect(after).toMatchObject({ status: "running" });
    expect(after.pid).not.toBe(before.pid);
    expect(after.startedAt).not.toBe(before.startedAt);
  });

  it("is started when it does not run, and belongs to nobody", async () => {
    const box = await create(SLEEP);
    const elsewhere = await openEngine({ root: engine.root });

    await (await elsewhere.containers.get(box.id)).restart();
    await elsewhere.close();

    expect(await box.state()).toMatchObject({ status: "running" });
  });

  it("by others stays its owner's, who hears of the end only", async () => {
    const box = await create(SLEEP);
    const process = await box.start();
    const elsewhere = await openEngine({ root: engine.root });

    await (await elsewhere.containers.get(box.id)).restart({ timeoutMs: 0 });
    await elsewhere.close();

    expect(await startedAt(box)).toBeDefined();
    process.kill("SIGKILL");
    expect(await process.wait()).toMatchObject({ exitCode: 137 });
    expect(await box.state()).toMatchObject({ status: "exited" });
  });

  it("is there still with remove, and goes at its next end", async () => {
    const box = await create(SLEEP, { remove: true });
    await box.start({ detach: true });

    await box.restart({ timeoutMs: 0 });
    expect(await box.state()).toMatchObject({ status: "running" });
    await box.stop({ timeoutMs: 0 });

    expect(await engine.containers.find(box.id)).toBeUndefined();
  });

  it("whose command is gone says why it did not begin", async () => {
    const box = await create(["/run-me"]);
    await expect(box.restart()).rejects.toMatchObject({
      code: "START_FAILED",
      details: { exitCode: 127 },
    });

    const once = await create(["sh", "-c", "cp /bin/busybox /x; exec /x sleep 1000"]);
    const other = await create(["sh", "-c", "rm -f /bin/sh; exec sleep 1000"]);
    await once.start({ detach: true });
    await other.start({ detach: true });
    await eventually("its file is gone", async () => {
      return (await other.diff()).some(({ path }) => path === "/bin/sh") ? true : undefined;
    });
    await expect(other.restart({ timeoutMs: 0 })).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringMatching(/did not restart: .*sh/),
    });
    expect(await other.wait()).toMatchObject({ error: expect.stringContaining("sh") });
  });

  it("may take as long as it wants to end, and whoever asked need not wait", async () => {
    const box = await create(["sh", "-c", "trap '' TERM; while :; do sleep 0.02; done"]);
    await box.start({ detach: true });
    const first = await startedAt(box);
    const signal = AbortSignal.timeout(30);

    await expect(box.restart({ timeoutMs: 300, signal })).rejects.toMatchObject({
      name: "AbortError",
    });

    await eventually(
      "its second start",
      async () => {
        const now = await startedAt(box);
        return now === first ? undefined : now;
      },
      5_000,
    );
  });

  it("while it is paused goes on to end, and begins anew", async () => {
    const box = await create(["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.02; done"]);
    await box.start({ detach: true });
    const first = await startedAt(box);
    await box.pause();

    await box.restart({ timeoutMs: 10_000 });

    expect(await box.state()).toMatchObject({ status: "running" });
    expect(await startedAt(box)).not.toBe(first);
  });

  it("by many at once runs in the end", async () => {
    const box = await create(SLEEP);
    await box.start({ detach: true });

    await Promise.all(Array.from({ length: 5 }, () => box.restart({ timeoutMs: 0 })));

    expect(await box.state()).toMatchObject({ status: "running" });
  });

  it("and stopped at once has one of both", async () => {
    for (let round = 0; round < 5; round++) {
      const box = await create(SLEEP);
      await box.start({ detach: true });

      const outcomes = await Promise.allSettled([
        box.restart({ timeoutMs: 0 }),
        box.stop({ timeoutMs: 0 }),
      ]);

      expect(outcomes[1]).toMatchObject({ status: "fulfilled" });
      expect(["running", "exited"]).toContain((await box.state()).status);
      await box.remove({ force: true });
      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
  });
});

describe.runIf(requireUserNamespaces())("a container with a restart policy", () => {
  const ENDS = ["sh", "-c", "exit 1"];

  it("is not started again when it was stopped, also while it waits to be", async () => {
    const box = await create(ENDS, { restart: "always" });
    await box.start({ detach: true });
    await eventually("a pause", async () => {
      return (await box.state()).status === "restarting" ? true : undefined;
    });

    await box.stop();

    expect(await box.state()).toMatchObject({ status: "exited", stoppedByHand: true });
  });

  it("is not started again when it was killed, or sent its stop signal", async () => {
    for (const name of ["KILL", "INT"]) {
      const command = ["sh", "-c", "trap 'exit 2' INT; while :; do sleep 0.02; done"];
      const box = await create(command, { restart: "always", stopSignal: "INT" });
      await box.start({ detach: true });
      await eventually("its trap", async () => {
        await box.kill(name).catch(() => undefined);
        return (await box.state()).status === "exited" ? true : undefined;
      });

      expect(await box.state()).toMatchObject({ exitCode: name === "INT" ? 2 : 137 });
    }
  });

  it("is started again after other signals", async () => {
    const command = ["sh", "-c", "trap 'exit 2' HUP; while :; do sleep 0.02; done"];
    const box = await create(command, { restart: "always" });
    await box.start({ detach: true });
    await eventually("its second start", async () => {
      await box.kill("HUP").catch(() => undefined);
      return ((await box.state()).restartCount ?? 0) > 0 ? true : undefined;
    });

    await box.stop({ timeoutMs: 0 });
    expect(await box.state()).toMatchObject({ status: "exited" });
  });

  it("has ended once for whoever waits", async () => {
    const box = await create(["sh", "-c", "sleep 0.3; exit 5"], { restart: "always" });
    await box.start({ detach: true });

    expect(await box.wait()).toEqual({ exitCode: 5 });
    expect(["restarting", "running"]).toContain((await box.state()).status);
  });

  it("is removed by force while it runs and while it waits", async () => {
    for (let round = 0; round < 6; round++) {
      const box = await create(ENDS, { restart: "always" });
      await box.start({ detach: true });
      if (round % 2 === 1) {
        await eventually("a pause", async () => {
          return (await box.state()).status === "restarting" ? true : undefined;
        });
      }
      await box.remove({ force: true });

      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
  });
});
