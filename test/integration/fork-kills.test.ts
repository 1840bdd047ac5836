/** Whoever forks a container is killed at any moment: nothing of it is lost, and nothing left. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Container } from "../../lib/engine/container.ts";
import { type Engine, openEngine } from "../../lib/engine/engine.ts";
import { encodeRecord } from "../../lib/engine/records.ts";
import { raised } from "../../lib/engine/root-overlay.ts";
import { makeSnapshot, snapshotFiles } from "../../lib/engine/snapshots.ts";
import { decodePlan, encodePlan } from "../../lib/native/plan.ts";
import { isDraft } from "../../lib/store/atomic.ts";
import { Paths } from "../../lib/store/paths.ts";
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

  /** A draft that nobody works on is for `system prune`. */
  const snapshots = () => {
    return readdirSync(join(engine.root, "snapshots")).filter((name) => !isDraft(name));
  };

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
    await engine.prune(); // a forker that is killed may leave one of which no container says that it has it
    expect(snapshots()).toEqual([]);
    expect(readdirSync(join(engine.root, "trash"))).toEqual([]);
  });

  /** What has been done of a freeze when whoever did it was killed. */
  const STEPS = ["nothing moved", "an empty layer made", "moved", "replaced", "the plan replaced"];

  it.each(STEPS)("is whole again with %s", async (step) => {
    const command = ["sh", "-c", "echo kept > /file"];
    const { id } = await run("busybox", command, { engine, network: "none" });
    const paths = new Paths(engine.root);
    const bundle = paths.container(id);
    const snapshot = "5".repeat(64);
    const [upper, next] = [join(bundle, "upper"), join(bundle, "upper.next")];
    const files = snapshotFiles(paths, snapshot);
    const { record } = await engine.containers.get(id);
    const plan = decodePlan(readFileSync(join(bundle, "plan")));
    await makeSnapshot(paths, snapshot, { user: id, durable: true });
    const isPlanNew = step === "the plan replaced";
    const newPlan = encodePlan(raised(plan, files, upper));
    writeFileSync(join(bundle, isPlanNew ? "plan" : "plan.next"), newPlan);
    writeFileSync(join(bundle, "record.next"), encodeRecord({ ...record, snapshots: [snapshot] }));
    const done = STEPS.indexOf(step);
    if (done >= 1) mkdirSync(next);
    if (done >= 2) renameSync(upper, files);
    if (done >= 3) renameSync(next, upper);
    writeFileSync(join(paths.live, id), ""); // nobody holds it, and a power cut took what it said

    await using other = await openEngine({ root: engine.root });

    const box = await other.containers.get(id);
    expect(box.record.snapshots).toEqual([snapshot]);
    expect(readdirSync(bundle).filter((name) => name.includes(".next"))).toEqual([]);
    expect(existsSync(join(paths.live, id))).toBe(false);
    expect(await box.diff()).toEqual([{ kind: "A", path: "/file" }]);
    const fork = await box.fork({ remove: true, command: ["cat", "/file"] });
    const process = await fork.start();
    expect(await text(process.stdout ?? Readable.from([]))).toBe("kept\n");
    await process.wait();
    await box.remove();
    expect(snapshots()).toEqual([]);
  });
});
