import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { startSleeping } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";
import { Cli } from "./cli-command.ts";

/** Something is well once this file is there. */
const IS_THERE = "echo looked; test -e /tmp/well";

interface HealthJson {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { Start: string; End: string; ExitCode: number; Output: string }[];
}

describe.runIf(requireUserNamespaces())("a container with a health check", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const start = (options: Partial<CreateOptions> = {}) =>
    startSleeping(engine, {
      healthcheck: { test: IS_THERE, intervalMs: 50, retries: 2 },
      ...options,
    });

  const healthOf = async (container: Container): Promise<HealthJson> => {
    const { State } = await container.inspect();
    return (
      (State as { Health?: HealthJson }).Health ?? { Status: "none", FailingStreak: 0, Log: [] }
    );
  };
  /** When it says so. */
  const becomes = (container: Container, status: string) => {
    return eventually(
      status,
      async () => {
        const health = await healthOf(container);
        return health.Status === status ? health : undefined;
      },
      10_000,
    );
  };
  /** When so many checks have been made. */
  const checked = (container: Container, count: number) => {
    return eventually(`${count} checks`, async () => {
      const health = await healthOf(container);
      return health.Log.length >= count ? health : undefined;
    });
  };

  it("starts, is not well, and is well, as the command in it says", async () => {
    const container = await start({ healthcheck: { test: IS_THERE, intervalMs: 300, retries: 2 } });
    await using _gone = container;
    const first = await healthOf(container);

    const ill = await becomes(container, "unhealthy");
    await container.exec(["touch", "/tmp/well"]);
    const well = await becomes(container, "healthy");

    expect(first).toEqual({ Status: "starting", FailingStreak: 0, Log: [] });
    expect(ill.FailingStreak).toBeGreaterThanOrEqual(2);
    expect(ill.Log[0]).toEqual({
      Start: expect.stringMatching(/^\d{4}-.*\.\d{9}Z$/),
      End: expect.stringMatching(/^\d{4}-.*\.\d{9}Z$/),
      ExitCode: 1,
      Output: "looked\n",
    });
    expect(well.FailingStreak).toBe(0);
    expect(well.Log.at(-1)).toMatchObject({ ExitCode: 0 });
    expect(await container.state()).toMatchObject({ status: "running", health: "healthy" });
  });

  it("keeps the last five results", async () => {
    const container = await start();
    await using _gone = container;
    const { Log: before } = await checked(container, 5);

    const later = await eventually("a sixth", async () => {
      const { Log } = await healthOf(container);
      return Log[0]?.Start === before[0]?.Start ? undefined : Log;
    });

    expect(later).toHaveLength(5);
    expect(later.map(({ Start }) => Start)).toEqual(later.map(({ Start }) => Start).toSorted());
  });

  it("does not count failures of the start period, which a success ends", async () => {
    const healthcheck = {
      test: IS_THERE,
      intervalMs: 60_000,
      startIntervalMs: 20,
      startPeriodMs: 60_000,
      retries: 1,
    };
    const container = await start({ healthcheck });
    await using _gone = container;

    expect(await checked(container, 3)).toMatchObject({ Status: "starting", FailingStreak: 0 });
    await container.exec(["touch", "/tmp/well"]);
    expect(await becomes(container, "healthy")).toMatchObject({ FailingStreak: 0 });
  });

  it("kills a check that takes too long, with all of its tree", async () => {
    const test = "setsid sleep 234 & sleep 234";
    const container = await start({
      healthcheck: { test, intervalMs: 20, timeoutMs: 150, retries: 1 },
    });
    await using _gone = container;

    const { Log } = await becomes(container, "unhealthy");

    expect(Log[0]).toMatchObject({
      ExitCode: -1,
      Output: "Health check exceeded timeout (150ms)",
    });
    const took = Date.parse(Log[0]?.End ?? "") - Date.parse(Log[0]?.Start ?? "");
    expect(took).toBeGreaterThanOrEqual(149);
    const { stdout } = await container.exec(["sh", "-c", "ps -o args | grep -c '[s]leep 234'"]);
    expect(Number(stdout)).toBeLessThanOrEqual(2); // of the check that is under way
  });

  it.each([
    ["a command that is not there", ["/no/such"], -1, /exec \/no\/such: No such file/],
    ["words that no shell reads", ["echo", "$HOME", ">&2"], 0, /^\$HOME >&2\n$/],
    ["output on stderr", "echo one; echo two >&2", 0, /^one\ntwo\n$/],
    ["much output", "yes | head -c 100000", 0, /^(y\n){2048}\.\.\.$/],
    ["bytes that are no text", "printf 'a\\377\\t\"\\\\'", 0, /^a\ufffd\t"\\$/],
    ["a signal", "kill -KILL $$", 137, /^$/],
  ])("keeps what comes of %s", async (_, test, ExitCode, output) => {
    const container = await start({ healthcheck: { test, intervalMs: 20 } });
    await using _gone = container;

    const { Log } = await checked(container, 1);

    expect(Log[0]).toMatchObject({ ExitCode, Output: expect.stringMatching(output) });
  });

  it("does what its image says, changed by what is asked for", async () => {
    await engine.images.load(
      busyboxWith({
        name: "healthy:1",
        config: { Healthcheck: { Test: ["CMD", "true"], Interval: 20_000_000, Retries: 7 } },
      }),
    );
    const asIs = await start({ image: "healthy:1", healthcheck: {} });
    await using _gone = asIs;
    const changed = await start({ image: "healthy:1", healthcheck: { test: "false", retries: 1 } });
    await using _gone_too = changed;
    const none = await start({ image: "healthy:1", healthcheck: "none" });
    await using _gone_as_well = none;

    await becomes(asIs, "healthy");
    await becomes(changed, "unhealthy");
    expect(await healthOf(none)).toMatchObject({ Status: "none" });
    expect((await changed.inspect()).Config).toMatchObject({
      Healthcheck: { Test: ["CMD-SHELL", "false"], Interval: 20_000_000, Retries: 1 },
    });
    expect((await none.inspect()).Config).toMatchObject({ Healthcheck: { Test: ["NONE"] } });
  });

  it.each<[string, () => Partial<CreateOptions>]>([
    ["without an init", () => ({ init: false })],
    ["in this machine's processes", () => ({ pid: "host" })],
    ["as another user with less", () => ({ capDrop: ["ALL"], user: "0:0", readOnly: true })],
    ["with a terminal", () => ({ tty: true })],
  ])("is checked %s", async (_, options) => {
    const healthcheck = { test: "true", intervalMs: 20 };
    const container = await start({ healthcheck, ...options() });
    await using _gone = container;

    expect(await becomes(container, "healthy")).toMatchObject({ FailingStreak: 0 });
  });

  it("is checked where it shares another container's namespaces", async () => {
    const other = await start({ init: false });
    await using _gone = other;
    const from: `container:${string}` = `container:${other.id}`;
    const container = await start({
      pid: from,
      network: from,
      init: false,
      healthcheck: { test: "test -e /tmp/mine", intervalMs: 20 },
    });
    await using _gone_too = container;
    await container.exec(["touch", "/tmp/mine"]);

    expect(await becomes(container, "healthy")).toMatchObject({ FailingStreak: 0 });
  });

  it("is checked with nobody of ours alive, and is not when it does not run", async () => {
    const child = script(
      engine.root,
      `const engine = await marmita.openEngine({ root });
       await engine.containers.createAndStart(
         { image: "busybox", name: "alone", command: ["sleep", "600"], network: "none",
           healthcheck: { test: ${JSON.stringify(IS_THERE)}, intervalMs: 50, retries: 1 } },
         { detach: true });`,
    );
    expect(await child.ended).toBe(0);
    const container = await engine.containers.get("alone");

    await becomes(container, "unhealthy");
    await container.exec(["touch", "/tmp/well"]);
    await becomes(container, "healthy");
    expect((await engine.containers.list({ health: ["healthy"] })).map(({ name }) => name)).toEqual(
      ["alone"],
    );
    const cli = new Cli(engine.root);
    expect((await cli.call(["ps"])).stdout).toMatch(/Up .*\(healthy\)/);
    expect((await cli.call(["ps", "-q", "-f", "health=starting"])).stdout).toBe("");

    const { pid } = await container.state();
    process.kill(pid ?? 0, "SIGKILL");

    await eventually("its end", async () => {
      return (await container.state()).status === "exited" || undefined;
    });
    expect(await healthOf(container)).toMatchObject({ Status: "unhealthy" });
    const events = await readFile(join(engine.root, "events.jsonl"), "utf8");
    const told = events.split("\n").filter((line) => line.includes(container.id));
    expect(told.filter((line) => line.includes("health_status")).map(actionOf)).toEqual([
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
    await container.remove();
  });

  it("begins anew with each run", async () => {
    const container = await start({
      command: ["sh", "-c", "rm -f /tmp/well; sleep 0.3; exit 1"],
      init: false,
      remove: false,
      restart: "on-failure:1",
      healthcheck: { test: "touch /tmp/well; sleep 600", intervalMs: 20, timeoutMs: 60_000 },
    });

    await eventually(
      "its end",
      async () => (await container.state()).status === "exited" || undefined,
      10_000,
    );

    // What the end of the container does to a check says nothing of how it was.
    expect(await healthOf(container)).toEqual({ Status: "unhealthy", FailingStreak: 0, Log: [] });
    await container.remove();
  });

  it("leaves nothing when its keeper is killed in the middle of a check", async () => {
    const container = await start({
      command: ["sh", "-c", "sleep 600"],
      pid: "host",
      healthcheck: { test: "echo > /tmp/begun; sleep 345", intervalMs: 20, timeoutMs: 60_000 },
      remove: false,
    });
    await eventually("a check", async () => {
      const { exitCode } = await container.exec(["test", "-e", "/tmp/begun"]);
      return exitCode === 0 || undefined;
    });
    const live = await readFile(join(engine.root, "live", container.id), "utf8");

    process.kill((JSON.parse(live) as { keeper: number }).keeper, "SIGKILL");

    await eventually("the end", async () => {
      return (await container.state()).status === "exited" || undefined;
    });
    await container.remove({ force: true });
    // expectNothingLeft() looks for what is in its mounts
    expect(await engine.containers.find(container.id)).toBeUndefined();
  });

  it.each([
    ["an interval of nothing", { intervalMs: 0 }],
    ["a test of nothing", { test: "" }],
    ["no words", { test: [] }],
    ["retries of nothing", { retries: 0 }],
    ["another option", Object.fromEntries([["every", 1]])],
  ])("refuses %s", async (_, healthcheck) => {
    await expect(start({ healthcheck })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  function actionOf(line: string): string {
    return (JSON.parse(line) as { Action: string }).Action;
  }
});
