import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SLEEP = ["sleep", "1000"];

describe.runIf(requireUserNamespaces())("a detached container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** Whoever started it is told nothing. */
  async function ended(container: Container): Promise<void> {
    const { pid = 0 } = await container.state();
    process.kill(pid, "SIGKILL");
    await eventually("its end", async () => {
      return (await container.state()).status === "exited" ? true : undefined;
    });
  }

  it("lets the process that started it end by itself, and lives on", async () => {
    await using owner = script(
      engine.root,
      `const engine = await marmita.openEngine({ root });
       const box = await engine.containers.create({ image: "busybox", command: ${JSON.stringify(SLEEP)} });
       const started = await box.start({ detach: true });
       console.log(box.id, started.isDetached);`,
    );
    const [id = "", isDetached] = (await lineOf(owner.stdout, /./)).split(" ");
    expect(isDetached).toBe("true");
    expect(await owner.ended).toBe(0);

    const box = await engine.containers.get(id);
    expect(await box.state()).toMatchObject({ status: "running" });
    await ended(box);
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 137 });
    await box.remove();
  });

  it("is waited for by a process that changes its mind, and has nothing else to do", async () => {
    await using owner = script(
      engine.root,
      `const { readFileSync } = await import("node:fs");
       const engine = await marmita.openEngine({ root });
       const box = await engine.containers.create({ image: "busybox", command: ${JSON.stringify(SLEEP)}, network: "none" });
       for (let round = 0; round < 5; round++) {
         const abort = new AbortController();
         const look = () => {
           let text = "";
           try { text = readFileSync(root + "/live/" + box.id, "utf8"); } catch {}
           if (text.includes("startedAt")) abort.abort();
           else setImmediate(look);
         };
         look();
         await box.start({ detach: true, signal: abort.signal }).catch(({ name }) => name);
         await box.kill("SIGKILL").catch(() => undefined); // the abort came too late
         await box.wait();
       }
       await box.remove();`,
    );

    expect(await owner.ended).toBe(0); // 13: what it waits for never comes
  });

  it("lives on when that process is killed", async () => {
    await using owner = script(
      engine.root,
      `const engine = await marmita.openEngine({ root });
       const box = await engine.containers.create({ image: "busybox", command: ${JSON.stringify(SLEEP)} });
       const started = await box.start({ detach: true });
       console.log(box.id);
       await started.wait();`,
    );
    const id = await lineOf(owner.stdout, /./);
    owner.child.kill("SIGKILL");
    await owner.ended;

    const box = await engine.containers.get(id);
    expect(await box.state()).toMatchObject({ status: "running" });
    await ended(box);
    await box.remove();
  });

  it("has a parent that is none of the starter's, and that dies as it should", async () => {
    const box = await engine.containers.create({ image: "busybox", command: SLEEP });
    await box.start({ detach: true });
    const live = JSON.parse(readFileSync(join(engine.root, "live", box.id), "utf8")) as {
      keeper: number;
      pid: number;
    };
    const status = readFileSync(`/proc/${live.keeper}/status`, "utf8");
    expect(status).not.toContain(`PPid:\t${process.pid}`);

    process.kill(live.keeper, "SIGKILL");
    await eventually("the death of its process", async () => {
      return (await box.state()).status === "exited" ? true : undefined;
    });
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 137 });
    await eventually("nothing of it runs", () => (isAlive(live.pid) ? undefined : true));
    await box.remove();
  });

  it("is waited for, and signalled, as long as its starter likes", async () => {
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done"],
    });
    const started = await box.start({ detach: true, stdout: "pipe" });
    if (started.stdout === undefined) throw new Error("no stdout");
    await lineOf(started.stdout, /up/);
    started.kill("SIGTERM");
    expect(await started.wait()).toEqual({ exitCode: 7, signal: null });
    await box.remove();
  });

  it("stays when the engine that started it is closed, and when it is disposed of", async () => {
    const other = await openEngine({ root: engine.root });
    const box = await other.containers.create({ image: "busybox", command: SLEEP });
    const started = await box.start({ detach: true });
    await box[Symbol.asyncDispose]();
    await other.close();
    await expect(started.wait()).rejects.toMatchObject({ code: "CLOSED" });

    const same = await engine.containers.get(box.id);
    expect(await same.state()).toMatchObject({ status: "running" });
    await ended(same);
    await same.remove();
  });

  it("goes when it ends, if it is to be removed", async () => {
    const box = await engine.containers.create({ image: "busybox", command: SLEEP, remove: true });
    const started = await box.start({ detach: true });
    started.kill("SIGKILL");
    expect(await started.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await engine.containers.find(box.id)).toBeUndefined();
  });

  it("tells why it could not start", async () => {
    const box = await engine.containers.create({ image: "busybox", command: ["/no/such"] });
    await expect(box.start({ detach: true })).rejects.toMatchObject({
      code: "START_FAILED",
      details: { exitCode: 127 },
    });
    expect(await box.state()).toMatchObject({ status: "created", exitCode: 127 });
    await box.remove();
  });

  it("is given up when its start is aborted", async () => {
    const abort = new AbortController();
    const box = await engine.containers.create({ image: "busybox", command: SLEEP });
    const starting = box.start({ detach: true, signal: abort.signal });
    abort.abort();
    await expect(starting).rejects.toMatchObject({ name: "AbortError" });
    expect((await box.state()).status).not.toBe("running");
    await box.remove();
  });

  it("has the score that it was made with, and its keeper its starter's", async () => {
    const own = readFileSync("/proc/self/oom_score_adj", "utf8").trim();
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "cat /proc/self/oom_score_adj; exec sleep 1000"],
      oomScoreAdj: Number(own) + 123,
    });
    const started = await box.start({ detach: true, stdout: "pipe" });
    if (started.stdout === undefined) throw new Error("no stdout");
    expect(await lineOf(started.stdout, /./)).toBe(String(Number(own) + 123));
    const { keeper } = JSON.parse(readFileSync(join(engine.root, "live", box.id), "utf8")) as {
      keeper: number;
    };
    expect(readFileSync(`/proc/${keeper}/oom_score_adj`, "utf8").trim()).toBe(own);
    await ended(box);
    await box.remove();
  });

  it("shares namespaces of another one that is", async () => {
    const web = await engine.containers.create({ image: "busybox", command: SLEEP, name: "web" });
    await web.start({ detach: true });
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "cat /proc/1/comm; exec sleep 1000"],
      network: "container:web",
      pid: "container:web",
    });
    const started = await box.start({ detach: true, stdout: "pipe" });
    if (started.stdout === undefined) throw new Error("no stdout");
    expect(await lineOf(started.stdout, /./)).toBe("sleep");
    await ended(box);
    await box.remove();
    await ended(web);
    await web.remove();
  });

  it("goes on reading and writing when it is handed over", async () => {
    const box = await engine.containers.create({
      image: "busybox",
      command: ["sh", "-c", "echo begun; cat; echo ended; exec sleep 1000"],
      openStdin: true,
    });
    const started = await box.start({ stdin: "pipe" });
    if (started.stdout === undefined) throw new Error("no stdout");
    started.stdin?.write("typed\n");
    await lineOf(started.stdout, /typed/);
    await started.detach();

    const { pid = 0 } = await box.state();
    const log = () => readFileSync(join(engine.root, "containers", box.id, "log"), "utf8");
    expect(log()).toMatch(/ stdout F begun\n.* stdout F typed\n$/);
    expect(isAlive(pid)).toBe(true);
    await ended(box);
    expect(log()).not.toContain("ended"); // its stdin was still open
    await box.remove();
  });

  it("cannot be handed over where its streams are its starter's own", async () => {
    const log = { driver: "none" } as const;
    const box = await engine.containers.create({ image: "busybox", command: SLEEP, log });
    await using started = await box.start();
    await expect(started.detach()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(started.isDetached).toBe(false);
    started.kill("SIGKILL");
    await started.wait();
    await box.remove();
  });

  it("can be handed over later", async () => {
    const box = await engine.containers.create({ image: "busybox", command: SLEEP, tty: true });
    const abort = new AbortController();
    const started = await box.start({ stdin: "pipe", signal: abort.signal });
    await started.detach();
    await started.detach();
    expect(started.isDetached).toBe(true);
    abort.abort();
    await started[Symbol.asyncDispose]();

    expect(await box.state()).toMatchObject({ status: "running" });
    await ended(box);
    await box.remove();
  });
});

/** Not one that only waits for its new parent to take note of its end. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
