import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

/** Starts containers that stay, some of which end and are started again, until it is killed. */
const BUSY = `
  const engine = await marmita.openEngine({ root });
  const work = async (line, options) => {
    for (let round = 0; round < 4; round++) {
      const command = ["sh", "-c", line];
      const box = await engine.containers.create({ image: "busybox", command, ...options });
      await box.start({ detach: true });
      console.log("round");
    }
  };
  await Promise.all([
    work("sleep 1000", {}),
    work("sleep 1000", { remove: true }),
    work("exit 3", { restart: "always" }),
    work("sleep 0.05; exit 3", { restart: "on-failure:1" }),
  ]);
  setTimeout(() => undefined, 60_000);`;

const ROUNDS = 10;
/** As long as all of the above takes: the kills fall on all of its parts. */
const SPREAD_MS = 400;

describe.runIf(requireUserNamespaces())("detached containers that are killed at any moment", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const list = (kind: string) => readdirSync(join(engine.root, kind));

  it("are told of as they are, and go when they are to", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await using owner = script(engine.root, BUSY);
      await lineOf(owner.stdout, /round/);
      await new Promise((resolve) => setTimeout(resolve, (SPREAD_MS * round) / ROUNDS));
      for (const pid of victims(round)) kill(pid);
      if (round % 3 !== 2) owner.child.kill("SIGKILL");
      else owner.child.kill("SIGTERM");
      await owner.ended;

      await using next = await openEngine({ root: engine.root });
      await expectTruth(next);
      for (const { id } of await next.containers.list()) {
        await (await next.containers.find(id))?.remove({ force: true });
      }
      await expect.poll(async () => (await sweptTraces()).flat(), { timeout: 10_000 }).toEqual([]);
    }
  });

  /** What is said to run does; what is not is held by nobody. */
  async function expectTruth(next: Engine): Promise<void> {
    await eventually("the truth", async () => {
      for (const { id, state } of await next.containers.list()) {
        const { pid } = state;
        if (state.status === "running" && (pid === undefined || !isAlive(pid))) return undefined;
        if (state.status !== "running" && state.status !== "restarting" && isHeld(id)) {
          return undefined;
        }
      }
      return true;
    });
  }

  function isHeld(id: string): boolean {
    return list("live").includes(id);
  }

  async function sweptTraces(): Promise<string[][]> {
    await using _next = await openEngine({ root: engine.root });
    return ["containers", "names", "live", "trash"].map(list);
  }

  /** Keepers and first processes in turn, and sometimes none. */
  function victims(round: number): readonly number[] {
    return list("live").flatMap((id, at) => {
      const { keeper, pid } = contentOf(id);
      if ((round + at) % 3 === 0) return [];
      return [(round + at) % 3 === 1 ? keeper : pid].filter((one) => one !== undefined);
    });
  }

  function contentOf(id: string): { readonly keeper?: number; readonly pid?: number } {
    try {
      return JSON.parse(readFileSync(join(engine.root, "live", id), "utf8")) as object;
    } catch {
      return {}; // gone, or just being written
    }
  }
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}

/** Not one that only waits for its parent to take note of its end. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
