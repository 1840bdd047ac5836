/** A container that stands still whatever becomes of who paused it: pause, unpause. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { startReady } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** One of them is stopped by its own shell, long before anybody pauses it. */
const FAMILY = `
  sleep 61 & (sleep 63 &) ; sh -c 'kill -STOP $$' &
  while ! grep -q T /proc/$!/stat; do :; done; echo ready; exec sleep 64`;

describe.runIf(requireUserNamespaces())("a container that is paused", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const started = (options: Partial<CreateOptions> = {}) => startReady(engine, FAMILY, options);

  /** How many of its processes are in each state: `S` sleeps, `T` was stopped. */
  async function states(container: Container): Promise<Record<string, number>> {
    const { processes } = await container.top({ psArgs: ["-eo", "pid,stat,args"] });
    const counts: Record<string, number> = {};
    for (const [, state = "?", words] of processes) {
      if (words?.includes("marmita") === true) continue;
      const [letter = "?"] = state;
      counts[letter] = (counts[letter] ?? 0) + 1;
    }
    return counts;
  }

  const settled = (container: Container, wanted: Record<string, number>) =>
    eventually(`its processes are ${JSON.stringify(wanted)}`, async () => {
      const found = await states(container);
      return JSON.stringify(found) === JSON.stringify(wanted) ? found : undefined;
    });

  it.each<[string, Partial<CreateOptions>]>([
    ["alone", {}],
    ["behind a first process of ours", { init: true }],
    ["among this machine's", { pid: "host" }],
  ])("stands still until it is unpaused: %s", async (_, options) => {
    await using box = await started(options);

    const paused = await box.pause();
    const whilePaused = await states(box);
    const state = await box.state();
    const unpaused = await box.unpause();

    expect(paused.method).toBe("signals");
    expect(paused.processes).toBeGreaterThanOrEqual(3);
    expect(whilePaused).toEqual({ T: 4 });
    expect(state.status).toBe("paused");
    expect(unpaused).toEqual(paused);
    await settled(box, { S: 3, T: 1 }); // what stood still before
    expect((await box.state()).status).toBe("running");
  });

  it("stays so when the process that paused it is gone", async () => {
    await using box = await started();
    const script = `
      import { pause } from ${JSON.stringify(INDEX)};
      await pause(${JSON.stringify(box.id)}, { root: ${JSON.stringify(engine.root)} });
      process.kill(process.pid, "SIGKILL");`;

    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);

    expect(signal).toBe("SIGKILL");
    expect(await states(box)).toEqual({ T: 4 });
    await box.unpause();
    await settled(box, { S: 3, T: 1 });
  });

  it("is paused once, whoever tries at the same time", async () => {
    await using box = await started();

    const tried = await Promise.allSettled(Array.from({ length: 4 }, () => box.pause()));

    const refused = tried.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(3);
    for (const one of refused) {
      expect(one).toHaveProperty("reason.code", "CONFLICT");
      expect(one).toHaveProperty("reason.message", `container ${box.name} is already paused`);
    }
    await box.unpause();
    await settled(box, { S: 3, T: 1 });
    await expect(box.unpause()).rejects.toMatchObject({
      code: "CONFLICT",
      message: `container ${box.name} is not paused`,
    });
  });

  it("is listed as such, and what happened is told", async () => {
    await using box = await started();
    const since = new Date();

    await box.pause();
    const [listed] = await engine.containers.list({ statuses: ["paused"] });
    await box.unpause();

    expect(listed?.id).toBe(box.id);
    const told: string[] = [];
    const all = { since, until: new Date(), containers: [box.id], actions: ["pause", "unpause"] };
    for await (const { action } of engine.events(all)) told.push(action);
    expect(told).toEqual(["pause", "unpause"]);
  });

  it("can be removed by force", async () => {
    await using box = await started();
    await box.pause();

    await expect(box.remove()).rejects.toMatchObject({ code: "CONFLICT" });
    await box.remove({ force: true });

    await expect(box.state()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("hears of its stop signal, and ends", async () => {
    const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    await using box = await started({ command: ["sh", "-c", script], remove: false });
    await using other = await started({ command: ["sh", "-c", script], remove: false });
    await box.pause();
    await other.pause();

    await box.stop({ timeoutMs: 30_000 });
    await other.kill("SIGTERM");
    const { exitCode } = await other.wait();

    expect((await box.state()).exitCode).toBe(9);
    expect(exitCode).toBe(9);
    await box.remove();
    await other.remove();
  });

  it("can be committed, and stands still after that, too", async () => {
    await using box = await started();
    await box.pause();

    await box.commit("still");

    expect(await states(box)).toEqual({ T: 4 });
    await box.unpause();
    await settled(box, { S: 3, T: 1 });
  });

  it("must run", async () => {
    await using box = await engine.containers.create({
      image: "busybox",
      remove: true,
      name: "idle",
    });

    await expect(box.pause()).rejects.toMatchObject({
      code: "CONFLICT",
      message: "container idle is not running",
    });
    await expect(box.unpause()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("runs afterwards as it did when the pause was aborted", async () => {
    await using box = await started();
    const abort = new AbortController();

    const pausing = box.pause({ signal: abort.signal });
    abort.abort();
    await pausing.catch(() => undefined);
    const { status } = await box.state();
    await box.unpause().catch(() => undefined);

    expect(["running", "paused"]).toContain(status);
    await settled(box, { S: 3, T: 1 });
    const live = readFileSync(join(engine.root, "live", box.id), "utf8");
    expect(live).not.toContain('"paused":true');
  });
});
