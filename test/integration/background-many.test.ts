/** Hundreds of containers in the background, from several processes at once: `MARMITA_MANY=300`. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { Cli } from "./cli-command.ts";

const MANY = Number(process.env["MARMITA_MANY"] ?? 40);
const PROCESSES = 4;
/** Of a keeper beside its idle container. */
const MOST_RESIDENT_KB = 1_200;
const PATIENCE_MS = 30_000 + MANY * 500;

/** Starts `count` containers in the background, eight at a time, and ends. */
const STARTER = `
  const count = Number(process.env.COUNT);
  const engine = await marmita.openEngine({ root });
  let left = count;
  const work = async () => {
    while (left-- > 0) {
      const { container } = await engine.containers.createAndStart(
        { image: "busybox", command: ["sleep", "100000"], network: "none" },
        { detach: true },
      );
      console.log(container.id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  await engine.close();`;

describe.runIf(requireUserNamespaces())("containers in the background", () => {
  expectNothingLeft();

  let engine: Engine;
  let cli: Cli;

  beforeAll(async () => {
    engine = await busyboxEngine();
    cli = new Cli(engine.root);
  });

  it(
    "outlive the processes that started them, and none is lost",
    { timeout: PATIENCE_MS },
    async () => {
      const started = await Promise.all(Array.from({ length: PROCESSES }, starts));
      const ids = started.flat().toSorted();
      expect(ids).toHaveLength(MANY);

      const listed = await engine.containers.list();
      expect(listed.map(({ id }) => id).toSorted()).toEqual(ids);
      expect(new Set(listed.map(({ state }) => state.status))).toEqual(new Set(["running"]));
      const quiet = await cli.call(["ps", "-q", "--no-trunc"]);
      expect(quiet.stdout.trim().split("\n").toSorted()).toEqual(ids);

      const resident = listed.map(({ id }) => residentKb(keeperOf(id)));
      expect(Math.max(...resident)).toBeLessThan(MOST_RESIDENT_KB);

      // Half by one command, half by several at once, each of which meets some of the others'.
      const half = MANY / 2;
      const kill = await cli.call(["kill", ...ids.slice(0, half)]);
      expect(kill).toMatchObject({ exitCode: 0, stderr: "" });
      const stops = [0, 1, 2].map(() => cli.call(["stop", "-t", "0", ...ids.slice(half)]));
      for (const stop of await Promise.all(stops))
        expect(stop).toMatchObject({ exitCode: 0, stderr: "" });
      const after = await engine.containers.list();
      expect(after.map(({ state }) => [state.status, state.exitCode])).toEqual(
        Array.from({ length: MANY }, () => ["exited", 137]),
      );

      const removals = [0, 1].map(() => cli.call(["rm", "-f", ...ids]));
      for (const removal of await Promise.all(removals)) expect(removal.exitCode).toBe(0);
      expect(["containers", "names", "live", "trash"].flatMap(list)).toEqual([]);
    },
  );

  async function starts(): Promise<readonly string[]> {
    process.env["COUNT"] = String(MANY / PROCESSES);
    await using starter = script(engine.root, STARTER);
    const ids: string[] = [];
    for await (const line of createInterface({ input: starter.stdout })) ids.push(line);
    expect(await starter.ended).toBe(0);
    return ids;
  }

  function list(kind: string): readonly string[] {
    return readdirSync(join(engine.root, kind));
  }

  function keeperOf(id: string): number {
    const [line = ""] = readFileSync(join(engine.root, "live", id), "utf8").split("\n", 1);
    return Number((JSON.parse(line) as { keeper: unknown }).keeper);
  }
});

/** All that is in memory for it alone: what is shared between keepers counts as a share. */
function residentKb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(rollup)?.[1]);
}
