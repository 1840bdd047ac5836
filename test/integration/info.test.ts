import { describe, expect, it } from "vitest";
import { busyboxEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("what an engine says of itself", () => {
  expectNothingLeft();

  it("counts its containers and images", async () => {
    const engine = await busyboxEngine();
    const options = { image: "busybox", network: "none" as const, remove: true };
    await using idle = await engine.containers.create(options);
    const command = ["sleep", "60"];
    const running = await engine.containers.createAndStart({ ...options, command });
    const paused = await engine.containers.createAndStart({ ...options, command });
    await using one = running.container;
    await using other = paused.container;
    await other.pause();

    const info = await engine.info();

    expect(info.containers).toEqual({ total: 3, running: 1, paused: 1, stopped: 1 });
    expect(info.images).toBe(1);
    expect(info.processors).toBeGreaterThan(0);
    expect(info.root).toBe(engine.root);
    expect([idle.name, one.name]).not.toContain(other.name);
  });
});
