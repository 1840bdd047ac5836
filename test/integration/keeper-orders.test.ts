import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { HelperEvent } from "../../lib/native/helper.ts";
import { connectKeeper, type KeeperConnection } from "../../lib/runtime/keeper-socket.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const STUBBORN = "trap '' TERM; while :; do sleep 0.02; done";
const OBEDIENT = "trap 'exit 7' TERM; while :; do sleep 0.02; done";

describe.runIf(requireUserNamespaces())("the keeper of a container, over its socket", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  interface Kept {
    readonly box: Container;
    readonly keeper: KeeperConnection;
    readonly events: HelperEvent[];
  }

  /** Its command has set its handlers when it has said so. */
  async function keep(line: string, options: Partial<CreateOptions> = {}): Promise<Kept> {
    const command = ["sh", "-c", line.replace("; while", "; echo up; while")];
    const box = await engine.containers.create({ image: "busybox", command, ...options });
    await box.start({ detach: true });
    const events: HelperEvent[] = [];
    const keeper = await connectKeeper(join(engine.root, "containers", box.id, "socket"), {
      onEvent: (event) => events.push(event),
    });
    if (keeper === undefined) throw new Error("no keeper");
    await said(box, "up");
    return { box, keeper, events };
  }

  async function said(box: Container, text: string): Promise<void> {
    await eventually(`its log says ${text}`, async () => {
      for await (const entry of box.logs()) if (entry.text.includes(text)) return true;
      return undefined;
    });
  }

  it("says who it is, and how its container ends", async () => {
    const { box, keeper, events } = await keep(OBEDIENT, { tty: true, openStdin: true });
    const { pid, startedAt } = await box.state();
    expect(keeper.hello).toEqual({
      pid,
      startedAt,
      tty: true,
      openStdin: true,
      restarting: false,
    });
    expect(await keeper.order("end 15")).toBe(true);
    expect(await keeper.ended).toMatchObject({ exitCode: 7, signal: null, startedAt });
    expect(events.at(-1)).toMatchObject({ event: "exited", exitCode: 7, stoppedByHand: true });
    expect(await box.state()).toMatchObject({ status: "exited", stoppedByHand: true });
    await box.remove();
  });

  it("kills what does not end in time, whoever asked for it", async () => {
    const { box, keeper } = await keep(STUBBORN, { restart: "always" });
    const begun = performance.now();
    await keeper.order("end 15 300");
    keeper.close();
    await eventually("its end", async () => {
      return (await box.state()).status === "exited" ? true : undefined;
    });
    expect(performance.now() - begun).toBeGreaterThan(250);
    expect(await box.state()).toMatchObject({ exitCode: 137, stoppedByHand: true });
    await box.remove();
  });

  it("is in more of a hurry when it is asked again", async () => {
    const { box, keeper } = await keep(STUBBORN);
    await keeper.order("end 15 60000");
    await keeper.order("end 15 100");
    expect(await keeper.ended).toMatchObject({ exitCode: 137 });
    await box.remove();
  });

  it("starts it once more, whatever its policy", async () => {
    for (const line of [OBEDIENT, STUBBORN]) {
      const { box, keeper, events } = await keep(line);
      const { pid } = keeper.hello;
      await keeper.order("again 15 200");
      await eventually("another start", () =>
        events.some(({ event }) => event === "started") ? true : undefined,
      );
      expect(events.map(({ event }) => event)).toEqual(["died", "started"]);
      expect(events[0]).toMatchObject({ exitCode: line === OBEDIENT ? 7 : 137 });
      const state = await box.state();
      expect(state.status).toBe("running");
      expect(state.pid).not.toBe(pid);
      expect(state).not.toHaveProperty("restartCount");

      // No time-out of before holds for the new one.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect((await box.state()).pid).toBe(state.pid);
      await keeper.order("end 9");
      expect(await keeper.ended).toMatchObject({ exitCode: 137 });
      await box.remove();
    }
  });

  it("starts one with remove once more before it goes", async () => {
    const log = { driver: "k8s-file" } as const;
    const { box, keeper, events } = await keep(OBEDIENT, { remove: true, log });
    await keeper.order("again 15");
    await eventually("another start", () =>
      events.some(({ event }) => event === "started") ? true : undefined,
    );
    expect(await engine.containers.find(box.id)).toBeDefined();
    await keeper.order("end 9");
    await keeper.ended;
    expect(await engine.containers.find(box.id)).toBeUndefined();
  });

  it("starts at once what waits to be started again", async () => {
    const { box, keeper, events } = await keep("echo up; exit 1", { restart: "always" });
    await eventually(
      "a long pause",
      async () => {
        const { status, restartCount = 0 } = await box.state();
        return status === "restarting" && restartCount >= 4 ? true : undefined;
      },
      5_000,
    );
    const before = events.filter(({ event }) => event === "started").length;
    await keeper.order("again 15");
    await eventually(
      "another start",
      () => (events.filter(({ event }) => event === "started").length > before ? true : undefined),
      500, // its pause is 800 ms by now
    );
    await keeper.order("end 15");
    expect(await keeper.ended).toMatchObject({ exitCode: 1 });
    await box.remove();
  });

  it("notes that its processes stand still", async () => {
    const { box, keeper } = await keep(OBEDIENT);
    await keeper.order("paused 1");
    expect((await box.state()).status).toBe("paused");
    expect(await box.inspect()).toMatchObject({ State: { Status: "paused", Paused: true } });
    await keeper.order("paused 0");
    expect((await box.state()).status).toBe("running");
    await keeper.order("end 9");
    await keeper.ended;
    await box.remove();
  });

  it("refuses what is no order, and goes on", async () => {
    const { box, keeper } = await keep(OBEDIENT);
    for (const order of [
      "",
      "end",
      "end 0",
      "end 65",
      "signal",
      "signal x",
      "signal 99",
      "detach",
    ]) {
      await expect(keeper.order(order), order).rejects.toMatchObject({
        code: "UNAVAILABLE",
        errno: "EINVAL",
      });
    }
    for (const order of ["wait", "name", "signal 0", "resize 80 24"]) {
      expect(await keeper.order(order), order).toBe(true);
    }
    expect((await box.state()).status).toBe("running");
    await keeper.order("end 9");
    await keeper.ended;
    await box.remove();
  });
});
