/**
 * Containers in the background whose owners, keepers and first processes are killed at random
 * moments while others start, stop, list and remove them. `MARMITA_BACKGROUND_KILLS=300` for as
 * many kills; the seed is printed, and taken from `MARMITA_KILLS_SEED`.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { randomNumbers } from "../helpers/random.ts";
import { type Script, script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const KILLS = Number(process.env["MARMITA_BACKGROUND_KILLS"] ?? 20);
const SEED = Number(process.env["MARMITA_KILLS_SEED"] ?? Date.now() % 1_000_000);
const WORKERS = 3;
/** `ps` tells the truth within it. */
const SECOND_MS = 1_000;

/**
 * Does everything to containers that others do the same to; what they may meet is no failure, nor
 * that one in the foreground with `remove` keeps no log.
 */
const WORKER = `
  const engine = await marmita.openEngine({ root });
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const expected = new Set(["NOT_FOUND", "CONFLICT", "START_FAILED", "UNAVAILABLE", "UNSUPPORTED"]);
  const attempt = async (what, work) => {
    try {
      await work();
    } catch (error) {
      if (!expected.has(error.code)) console.log("unexpected " + what + ": " + error.stack);
    }
  };
  const endings = [{}, { remove: true }, { restart: "always" }, { restart: "on-failure:3" }];
  const command = ["sh", "-c", "while :; do date; sleep 0.05; done"];
  const verbs = {
    start: () =>
      engine.containers.createAndStart(
        { image: "busybox", command, network: "none", ...pick(endings) },
        { detach: Math.random() < 0.7 },
      ),
    again: async () => (await any()).start({ detach: true }),
    stop: async () => (await any()).stop({ timeoutMs: 50 }),
    kill: async () => (await any()).kill(),
    restart: async () => (await any()).restart({ timeoutMs: 50 }),
    exec: async () => (await any()).exec(["true"]),
    logs: async () => {
      for await (const line of (await any()).logs({ tail: 3 })) void line;
    },
    remove: async () => (await any()).remove({ force: true }),
  };
  const any = async () => {
    const found = pick(await engine.containers.list());
    if (found === undefined) throw Object.assign(new Error("none"), { code: "NOT_FOUND" });
    return engine.containers.get(found.id);
  };
  console.log("ready");
  const work = async () => {
    for (;;) {
      const verb = pick([...Object.keys(verbs), "start", "start"]);
      await attempt(verb, verbs[verb]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all([work(), work()]);`;

describe.runIf(requireUserNamespaces())("containers in the background, killed at random", () => {
  expectNothingLeft();

  let engine: Engine;
  const random = randomNumbers(SEED);

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  it(
    `are told the truth of after ${KILLS} kills, and leave nothing (seed ${SEED})`,
    { timeout: 60_000 + KILLS * 1_000 },
    async () => {
      const workers: Script[] = [];
      const said: string[] = [];
      const employ = (at: number) => {
        const worker = script(engine.root, WORKER);
        worker.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
        workers[at] = worker;
      };
      for (let at = 0; at < WORKERS; at++) employ(at);
      await eventually("work", () => said.join("").includes("ready") || undefined, 10_000);

      try {
        for (let kills = 0; kills < KILLS;) {
          await new Promise((resolve) => setTimeout(resolve, random() * 150));
          const victim = random();
          if (victim < 0.3) {
            const at = Math.floor(random() * WORKERS);
            workers[at]?.child.kill("SIGKILL");
            await workers[at]?.ended;
            employ(at);
            kills++;
          } else if (killOne(victim < 0.65 ? "keeper" : "pid")) kills++;
        }
      } finally {
        for (const worker of workers) await worker[Symbol.asyncDispose]();
      }
      const unexpected = said
        .join("")
        .split(/^ready$|(?=^unexpected)/m)
        .filter((text) => text.startsWith("unexpected"));
      expect(unexpected).toEqual([]);

      await eventually("the truth", truth, SECOND_MS * 5);
      for (const { id } of await engine.containers.list()) {
        await engine.containers.remove(id, { force: true });
      }
      const kinds = ["containers", "names", "live", "trash"];
      expect(kinds.flatMap((kind) => readdirSync(join(engine.root, kind)))).toEqual([]);
    },
  );

  /** Of any container that runs: its keeper, or its first process. False when there was none. */
  function killOne(which: "keeper" | "pid"): boolean {
    const ids = readdirSync(join(engine.root, "live"));
    const id = ids[Math.floor(random() * ids.length)];
    if (id === undefined) return false;
    try {
      const [line = ""] = readFileSync(join(engine.root, "live", id), "utf8").split("\n", 1);
      const pid = (JSON.parse(line) as Record<string, unknown>)[which];
      return typeof pid === "number" && pid > 1 && process.kill(pid, "SIGKILL");
    } catch {
      return false; // it has ended meanwhile
    }
  }

  /** What is listed as running has a process, and what is not has none. */
  async function truth(): Promise<true | undefined> {
    await using fresh = await openEngine({ root: engine.root });
    for (const { id, state } of await fresh.containers.list()) {
      const isThere = state.pid !== undefined && isAlive(state.pid);
      if (state.status === "running" && !isThere) return undefined;
      if (state.status === "exited" && keepersOf(id).length > 0) return undefined;
    }
    return true;
  }

  function keepersOf(id: string): readonly string[] {
    return readdirSync(join(engine.root, "live")).filter((name) => name === id);
  }
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
