/** Whoever forks a container is killed at any moment: nothing of it is lost, and nothing left. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const KILLS = Number(process.env["MARMITA_KILLS"] ?? 12);
/** From its first word on. */
const LONGEST_LIFE_MS = 60;

/** Writes, stops, forks, starts the fork, over and over. */
const worker = (id: string) => `
  const id = ${JSON.stringify(id)};
  const engine = await marmita.openEngine({ root });
  const box = await engine.containers.get(id);
  process.stdout.write("up\\n");
  for (;;) {
    const running = await box.start({ stdout: "ignore", stderr: "ignore" });
    await running.wait();
    const { process: forked } = await box.forkAndStart({ remove: true, command: ["true"] });
    await forked.wait();
  }
`;

describe.runIf(requireUserNamespaces())("a container whose forker is killed", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function counted(container: Container): Promise<readonly string[]> {
    const fork = await container.fork({ remove: true, command: ["sort", "-n", "/count"] });
    const process = await fork.start();
    const lines = (await text(process.stdout ?? Readable.from([]))).trim().split("\n");
    await process.wait();
    return lines;
  }

  it("has all that it wrote, and is forked and started again", async () => {
    // What it has written is counted by itself: a line for each start.
    const count = "n=$(wc -l < /count 2>/dev/null || echo 0); echo $n >> /count";
    const { id } = await run("busybox", ["sh", "-c", count], { engine, network: "none" });
    const box = await engine.containers.get(id);
    let least = 1;
    for (let kill = 0; kill < KILLS; kill++) {
      const { child, stdout, ended } = script(engine.root, worker(id));
      await lineOf(stdout, /^up$/);
      await delay(Math.random() * LONGEST_LIFE_MS);
      child.kill("SIGKILL");
      await ended;

      await using other = await openEngine({ root: engine.root });
      const lines = await counted(await other.containers.get(id));

      expect(lines.length).toBeGreaterThanOrEqual(least);
      expect(lines).toEqual(lines.map((_, at) => String(at)));
      least = lines.length;
    }
    await box.remove({ force: true });
    expect(readdirSync(join(engine.root, "snapshots"))).toEqual([]);
    expect(readdirSync(join(engine.root, "trash"))).toEqual([]);
  });
});
