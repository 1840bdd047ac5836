import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { ContainerStats } from "../../lib/engine/stats.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("what a container uses", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function started(script: string): Promise<Container> {
    const { container, process } = await engine.containers.createAndStart({
      image: "busybox",
      command: ["sh", "-c", `echo ready; ${script}`],
      network: "none",
      remove: true,
    });
    if (process.stdout !== undefined) await lineOf(process.stdout, /ready/);
    return container;
  }

  it("is told after two looks", async () => {
    await using busy = await started("sleep 60 & while :; do :; done");
    await using idle = await started("exec sleep 60");

    const [one, other] = await Promise.all([
      busy.stats({ intervalMs: 1_000 }),
      idle.stats({ intervalMs: 1_000 }),
    ]);

    expect(one.cpuPercent).toBeGreaterThan(0.5); // others work here, too
    expect(one.cpuPercent).toBeLessThan(150);
    expect(one).toMatchObject({ id: busy.id, name: busy.name, source: "proc", tasks: 2 });
    expect(one.memoryBytes).toBeGreaterThan(50_000);
    expect(one.memoryBytes).toBeLessThan(50_000_000);
    expect(one.memoryLimitBytes).toBeGreaterThan(100_000_000);
    expect(other.cpuPercent).toBeLessThan(one.cpuPercent);
    expect(other.tasks).toBe(1);
  });

  it("counts what has ended", async () => {
    await using box = await started(
      "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo done; sleep 60",
    );

    const used: number[] = [];
    for await (const { cpuMs, tasks } of box.watchStats({ intervalMs: 50 })) {
      used.push(cpuMs);
      if (cpuMs >= 100 && tasks === 2) break; // sh and sleep: the counter is no more
    }

    expect(used).toEqual(used.toSorted((one, other) => one - other));
  });

  it("is told as long as it runs", async () => {
    await using box = await started("exec sleep 60");
    let looks = 0;

    for await (const _ of box.watchStats({ intervalMs: 20 })) {
      if (++looks === 2) await box.remove({ force: true });
    }

    expect(looks).toBe(2);
    await expect(box.stats()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is told of several, as they come and go", async () => {
    await using one = await started("exec sleep 60");
    await using other = await engine.containers.create({ image: "busybox", remove: true });
    const seen: string[][] = [];

    for await (const list of engine.containers.watchStats({ intervalMs: 20 })) {
      seen.push(list.map(({ id }) => id));
      if (seen.length === 1) await one.remove({ force: true });
      if (seen.length === 2) break;
    }
    const named = engine.containers.watchStats({ containers: [other.name], intervalMs: 20 });
    const lists: (readonly ContainerStats[])[] = [];
    for await (const list of named) lists.push(list);

    expect(seen).toEqual([[one.id], []]);
    expect(lists).toEqual([[expect.objectContaining({ id: other.id, tasks: 0, cpuPercent: 0 })]]);
    expect(lists[0]?.[0]).not.toHaveProperty("source");
  });

  it("is not told of what is not there, nor after an abort", async () => {
    const abort = new AbortController();
    abort.abort();
    const next = (iterable: AsyncIterable<unknown>) => iterable[Symbol.asyncIterator]().next();

    await expect(
      next(engine.containers.watchStats({ containers: ["none"] })),
    ).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(
      next(engine.containers.watchStats({ signal: abort.signal })),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(() => engine.containers.watchStats({ intervalMs: 0 })).toThrow("intervalMs");
  });
});
