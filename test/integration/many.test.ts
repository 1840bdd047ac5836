import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("many containers", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** What there is of containers in the data root. */
  function traces(): readonly string[] {
    const kinds = ["containers", "names", "live", "trash"];
    return kinds.flatMap((kind) => readdirSync(join(engine.root, kind)));
  }

  it("run at once from one process, each with its own output, and leave nothing", async () => {
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    const before = readdirSync("/proc/self/fd").length;

    const results = await Promise.all(
      numbers.map((number) => {
        const command = ["sh", "-c", `cat; echo ${number} >&2; exit ${number % 100}`];
        return run("busybox", command, {
          engine,
          remove: true,
          network: "none",
          input: `in ${number}`,
        });
      }),
    );

    expect(results.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr])).toEqual(
      numbers.map((number) => [number % 100, `in ${number}`, `${number}\n`]),
    );
    expect(traces()).toEqual([]);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it("are all ended by one signal, of whose listeners Node does not warn", async () => {
    const controller = new AbortController();
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on("warning", warned);
    const { signal } = controller;

    const runs = Array.from({ length: 20 }, () =>
      run("busybox", ["sh", "-c", "echo up; sleep 100"], {
        engine,
        remove: true,
        network: "none",
        signal,
      }),
    );
    await eventually("20 containers", async () => {
      const states = await engine.containers.list();
      return states.filter(({ state }) => state.status === "running").length === 20 || undefined;
    });
    controller.abort();
    const ends = await Promise.allSettled(runs);

    process.off("warning", warned);
    expect(ends.map((end) => end.status === "rejected" && String(end.reason.name))).toEqual(
      Array.from({ length: 20 }, () => "AbortError"),
    );
    expect(warnings).toEqual([]);
    expect(traces()).toEqual([]);
  });

  it("run at once from several processes over one data root, and leave nothing", async () => {
    const text = `
      const runs = Array.from({ length: 50 }, (_, number) =>
        marmita.run("busybox", ["echo", String(number)], { root, remove: true, network: "none" }));
      const results = await Promise.all(runs);
      const right = results.every(({ exitCode, stdout }, number) =>
        exitCode === 0 && stdout === number + "\\n");
      process.exitCode = right ? 0 : 1;`;

    const owners = Array.from({ length: 4 }, () => script(engine.root, text));

    expect(await Promise.all(owners.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    expect(traces()).toEqual([]);
  });

  it("share their image: each takes disk only for what it writes", async () => {
    const { id } = await run("busybox", ["sh", "-c", "echo mine > /file"], { engine });

    const upper = join(engine.root, "containers", id, "upper");

    expect(existsSync(join(upper, "file"))).toBe(true);
    expect(existsSync(join(upper, "bin"))).toBe(false);
    expect(bytesIn(join(engine.root, "containers", id))).toBeLessThan(128 * 1024);
    await engine.containers.remove(id);
  });

  it("are listed quickly when there are a thousand", async () => {
    for (let round = 0; round < 20; round++) {
      const options = { image: "busybox", remove: true } as const; // not synced one by one
      const making = Array.from({ length: 50 }, () => engine.containers.create(options));
      await Promise.all(making);
    }

    const begun = performance.now();
    const list = await engine.containers.list();
    const tookMs = performance.now() - begun;

    expect(list).toHaveLength(1_000);
    expect(tookMs).toBeLessThan(2_000);
    console.log(`1,000 containers listed in ${tookMs.toFixed(0)} ms`);
  });
});

/** What a directory takes on disk; what only root of the namespace may read is empty. */
function bytesIn(path: string): number {
  const { blocks } = lstatSync(path);
  return readable(path).reduce((sum, name) => sum + bytesIn(join(path, name)), blocks * 512);
}

function readable(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
