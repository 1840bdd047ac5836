import { readFileSync, readdirSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("the life of a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeEach(async () => {
    engine = await busyboxEngine();
  });

  /** What there is of containers in the data root, by directory. */
  function traces(): Record<string, readonly string[]> {
    const kinds = ["containers", "names", "live", "trash"];
    return Object.fromEntries(kinds.map((kind) => [kind, readdirSync(join(engine.root, kind))]));
  }

  const NO_TRACES = { containers: [], names: [], live: [], trash: [] };

  /** The keeper's pid and the container's, once it runs. */
  async function running(): Promise<{ id: string; keeper: number; pid: number }> {
    return eventually("a container that runs", () => {
      const [id] = readdirSync(join(engine.root, "live"));
      if (id === undefined) return undefined;
      const live = parse(readFileSync(join(engine.root, "live", id), "utf8"));
      return live?.pid === undefined ? undefined : { id, ...live };
    });
  }

  function parse(text: string): { keeper: number; pid: number } | undefined {
    try {
      return JSON.parse(text) as { keeper: number; pid: number };
    } catch {
      return undefined; // just being written
    }
  }

  /** One that has ended may wait a while for this machine's first process to reap it. */
  function isAlive(pid: number): boolean {
    try {
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  async function gone(pid: number, withinMs = 1_000): Promise<void> {
    const look = () => (isAlive(pid) ? undefined : true);
    await eventually(`the end of process ${pid}`, look, withinMs);
  }

  describe("that is aborted", () => {
    it("before it begins, never begins", async () => {
      const reason = new Error("no longer wanted");
      const signal = AbortSignal.abort(reason);

      await expect(run("busybox", ["true"], { engine, signal })).rejects.toMatchObject({
        name: "AbortError",
        cause: reason,
      });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("while it is made, is not there afterwards", async () => {
      for (let ticks = 0; ticks < 12; ticks++) {
        const abort = new AbortController();
        const { signal } = abort;
        const ending = run("busybox", ["sleep", "60"], { engine, signal, remove: true });
        const refused = expect(ending).rejects.toMatchObject({ name: "AbortError" });

        for (let tick = 0; tick < ticks; tick++) await new Promise(setImmediate);
        abort.abort();

        await refused;
        expect(traces()).toEqual(NO_TRACES);
      }
    });

    it("while it runs, is gone when run() rejects", async () => {
      const abort = new AbortController();
      const ending = run("busybox", ["sleep", "60"], {
        engine,
        signal: abort.signal,
        remove: true,
      });
      const refused = expect(ending).rejects.toMatchObject({ name: "AbortError" });
      const { keeper, pid } = await running();

      abort.abort();
      await refused;

      expect([isAlive(keeper), isAlive(pid)]).toEqual([false, false]);
      expect(traces()).toEqual(NO_TRACES);
    });

    it("after its end, has its result", async () => {
      const abort = new AbortController();

      const result = await run("busybox", ["true"], { engine, signal: abort.signal });
      abort.abort();

      expect(result.exitCode).toBe(0);
    });
  });

  describe("whose engine is closed", () => {
    it("is gone when close() resolves, however far it had come", async () => {
      for (let afterMs = 0; afterMs < 16; afterMs += 0.5) {
        const closing = await openEngine({ root: engine.root });
        const running = run("busybox", ["sleep", "60"], { engine: closing, remove: true });
        const outcome = running.then(
          ({ exitCode }) => exitCode,
          (error: unknown) => (isMarmitaError(error) ? error.code : error),
        );

        const begun = performance.now();
        while (performance.now() - begun < afterMs) await new Promise(setImmediate);
        await closing.close();

        expect(traces()).toEqual(NO_TRACES);
        expect(["CLOSED", 137]).toContain(await outcome);
      }
    });
  });

  describe("whose owner is killed", () => {
    it("ends within a second, and is gone with remove", async () => {
      await using owner = script(
        engine.root,
        'await marmita.run("busybox", ["sleep", "60"], { root, remove: true });',
      );
      const { keeper, pid } = await running();

      owner.child.kill("SIGKILL");

      await Promise.all([gone(pid), gone(keeper)]);
      expect(traces()).toEqual(NO_TRACES);
    });

    it("between its making and its start, is gone with remove", async () => {
      await using owner = script(
        engine.root,
        `const engine = await marmita.openEngine({ root });
        await engine.containers.createAndStart(
          { image: "busybox", command: ["true"], remove: true },
          { onCreated: () => process.kill(process.pid, "SIGKILL") },
        );`,
      );
      await owner.ended;
      expect(traces()["containers"]).toHaveLength(1);

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("is kept as exited with 137", async () => {
      await using owner = script(
        engine.root,
        'await marmita.run("busybox", ["sleep", "60"], { root, name: "kept" });',
      );
      const { keeper } = await running();

      owner.child.kill("SIGKILL");

      await gone(keeper);
      expect(await (await engine.containers.get("kept")).state()).toMatchObject({
        status: "exited",
        exitCode: 137,
      });
    });
  });

  describe("whose keeper is killed", () => {
    it("ends, is put away, and reads as killed", async () => {
      const ending = run("busybox", ["sleep", "60"], { engine, remove: true });
      const { keeper, pid } = await running();

      process.kill(keeper, "SIGKILL");

      expect(await ending).toMatchObject({ exitCode: 137, signal: "SIGKILL", timedOut: false });
      expect(isAlive(pid)).toBe(false);
      expect(traces()).toEqual(NO_TRACES);
    });

    it("is kept as exited with 137", async () => {
      const ending = run("busybox", ["sleep", "60"], { engine, name: "kept" });
      const { keeper } = await running();

      process.kill(keeper, "SIGKILL");
      await ending;

      expect(await (await engine.containers.get("kept")).state()).toMatchObject({
        status: "exited",
        exitCode: 137,
        startedAt: expect.stringMatching(/^20.*Z$/) as string,
      });
    });

    it("together with its owner, is put away by the next engine", async () => {
      await using owner = script(
        engine.root,
        'await marmita.run("busybox", ["sleep", "60"], { root, remove: true });',
      );
      const { keeper, pid } = await running();
      process.kill(keeper, "SIGKILL");
      owner.child.kill("SIGKILL");
      await gone(pid);

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("together with its owner, reads as killed to an engine that was open", async () => {
      await using owner = script(
        engine.root,
        'await marmita.run("busybox", ["sleep", "60"], { root, name: "kept" });',
      );
      const { keeper, pid } = await running();
      process.kill(keeper, "SIGKILL");
      owner.child.kill("SIGKILL");
      await gone(pid);

      const [summary] = await engine.containers.list();

      expect(summary?.state).toMatchObject({ status: "exited", exitCode: 137 });
      expect(traces()).toMatchObject({ live: [] });
    });
  });

  describe("of which a power cut left traces", () => {
    const ID = "ab".repeat(32);

    async function leave(kind: string, name: string, content: string): Promise<void> {
      await writeFile(join(engine.root, kind, name), content);
    }

    it("unfinished, is taken away", async () => {
      await leave("live", ID, JSON.stringify({ purpose: "start", name: "half" }));
      await mkdir(join(engine.root, "containers", `.draft-${ID}`, "upper"), { recursive: true });
      await symlink(ID, join(engine.root, "names", "half"));

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("half removed, is removed", async () => {
      const box = await engine.containers.create({ image: "busybox", name: "half" });
      await leave("live", box.id, JSON.stringify({ purpose: "remove", name: "half" }));

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("in the trash only, is removed", async () => {
      await mkdir(join(engine.root, "trash", ID, "upper", "deep"), { recursive: true });

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("made and never started, is kept as it is", async () => {
      const box = await engine.containers.create({ image: "busybox", remove: true });
      await leave("live", box.id, JSON.stringify({ purpose: "create" }));

      await using next = await openEngine({ root: engine.root });

      expect(await (await next.containers.get(box.id)).state()).toEqual({ status: "created" });
      expect(traces()).toMatchObject({ live: [] });
    });

    it("running at the time, reads as killed", async () => {
      const box = await engine.containers.create({ image: "busybox" });
      const startedAt = "2026-01-02T03:04:05.000000006Z";
      // Another boot's: whoever has the pid by now is not to be killed.
      const live = { pid: process.pid, pidStart: 1, bootId: "of-another-boot", startedAt };
      await leave("live", box.id, JSON.stringify(live));

      await using next = await openEngine({ root: engine.root });

      expect(await (await next.containers.get(box.id)).state()).toMatchObject({
        status: "exited",
        exitCode: 137,
        startedAt,
      });
    });

    it("with an empty file in live/, is not in the way", async () => {
      await leave("live", ID, "");

      await using _next = await openEngine({ root: engine.root });

      expect(traces()).toEqual(NO_TRACES);
    });

    it("as a name only, gives the name back", async () => {
      await symlink(ID, join(engine.root, "names", "half"));

      await using box = await engine.containers.create({ image: "busybox", name: "half" });

      expect(box.name).toBe("half");
    });

    it("is repaired once, however many look", async () => {
      const boxes = [];
      for (let count = 0; count < 5; count++) {
        const box = await engine.containers.create({ image: "busybox" });
        boxes.push(box);
        const live = { startedAt: "2026-01-02T03:04:05Z" };
        await leave("live", box.id, JSON.stringify(live));
      }

      const openings = Array.from({ length: 8 }, () => openEngine({ root: engine.root }));
      for (const next of await Promise.all(openings)) await next.close();

      for (const box of boxes) expect(await box.state()).toMatchObject({ exitCode: 137 });
      expect(traces()).toMatchObject({ live: [] });
    });
  });

  it("does not keep its owner's process alive once it is over", async () => {
    await using owner = script(
      engine.root,
      'const { stdout } = await marmita.run("busybox", ["echo", "oi"], { root }); console.log(stdout);',
    );

    expect(await lineOf(owner.stdout, /oi/)).toBe("oi");
    expect(await owner.ended).toBe(0);
  });

  it("ends when its engine is closed", async () => {
    const next = await openEngine({ root: engine.root });
    const box = await next.containers.create({ image: "busybox", command: ["sleep", "60"] });
    const started = await box.start();

    await next.close();

    expect(await started.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await readFile(join(next.root, "containers", box.id, "exit.json"), "utf8")).toContain(
      "137",
    );
    await expect(next.containers.run("busybox", ["true"])).rejects.toMatchObject({
      code: "CLOSED",
    });
  });
});
