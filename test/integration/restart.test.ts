import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { lookAtLive } from "../../lib/engine/live.ts";
import { Paths } from "../../lib/store/paths.ts";
import { busyboxEngine, testEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { busyboxArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { script } from "../helpers/script.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canFuse =
  requireUserNamespaces() && requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());

describe.runIf(requireUserNamespaces())("a container with a restart policy", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  async function create(
    line: string,
    options: Omit<CreateOptions, "image" | "command"> = {},
  ): Promise<Container> {
    return engine.containers.create({ image: "busybox", command: ["sh", "-c", line], ...options });
  }

  /** Its second run and what comes after wait for a file to be made on this machine. */
  async function withGate(restart: CreateOptions["restart"], line: string) {
    const folder = await temporaryFolder();
    const mounts = [{ type: "bind", source: folder, target: "/gate" }] as const;
    const box = await create(line, { mounts, ...(restart !== undefined && { restart }) });
    return { folder, box };
  }

  const runs = (folder: string) => () => {
    try {
      return readFileSync(join(folder, "runs"), "utf8").length;
    } catch {
      return 0;
    }
  };

  const status = async (box: Container, wanted: string) =>
    eventually(`status ${wanted}`, async () => {
      const state = await box.state();
      return state.status === wanted ? state : undefined;
    });

  it("is started again as often as it may fail, and ends with the last exit code", async () => {
    const { folder, box } = await withGate("on-failure:2", "printf x >> /gate/runs; exit 3");
    const started = await box.start();
    expect(await started.wait()).toEqual({ exitCode: 3, signal: null });
    expect(runs(folder)()).toBe(3);

    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 3, restartCount: 2 });
    expect(await box.inspect()).toMatchObject({
      RestartCount: 2,
      State: { Status: "exited", ExitCode: 3, Running: false, Restarting: false },
      HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
    });
    await box.remove();
  });

  it("is not started again after a success, with on-failure", async () => {
    const { folder, box } = await withGate("on-failure", "printf x >> /gate/runs; exit 0");
    const started = await box.start();
    expect(await started.wait()).toEqual({ exitCode: 0, signal: null });
    expect(runs(folder)()).toBe(1);
    expect(await box.state()).not.toHaveProperty("restartCount");
    await box.remove();
  });

  it("keeps what it wrote, and everything it was made with", async () => {
    const folder = await temporaryFolder();
    const box = await create(
      `exec >> /gate/out; hostname; grep -q box /etc/hosts && echo known; echo x >> /runs;
       ls -d /tmp/mine 2>/dev/null; touch /tmp/mine; wc -l < /runs; [ $(wc -l < /runs) = 3 ]`,
      {
        hostname: "box",
        restart: "on-failure",
        mounts: [
          { type: "tmpfs", target: "/tmp" },
          { type: "bind", source: folder, target: "/gate" },
        ],
      },
    );
    const started = await box.start();
    expect(await started.wait()).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(folder, "out"), "utf8")).toBe(
      [1, 2, 3].map((run) => `box\nknown\n${run}\n`).join(""),
    );
    await box.remove();
  });

  it("is restarting in between, and any signal then is its end", async () => {
    const { folder, box } = await withGate("always", "printf x >> /gate/runs; exit 5");
    const started = await box.start({ detach: true });
    await eventually("three runs", () => (runs(folder)() >= 3 ? true : undefined), 5_000);
    const state = await status(box, "restarting");
    expect(state).toMatchObject({ status: "restarting", exitCode: 5 });
    expect(state.restartCount).toBeGreaterThanOrEqual(2);
    expect(state).toHaveProperty("finishedAt");
    expect(await box.inspect()).toMatchObject({
      State: { Restarting: true, Running: true, Pid: 0 },
    });
    await expect(box.remove()).rejects.toMatchObject({ code: "CONFLICT" });

    started.kill("SIGINT");
    expect(await started.wait()).toEqual({ exitCode: 5, signal: null });
    expect(await box.state()).toMatchObject({ status: "exited", exitCode: 5 });
    await box.remove();
  });

  it("is started again after a signal, and not after SIGKILL or what stops it", async () => {
    const { folder, box } = await withGate(
      "always",
      "trap 'exit 9' USR1; trap 'exit 8' TERM; printf x >> /gate/runs; while :; do sleep 0.02; done",
    );
    const started = await box.start({ detach: true });
    await eventually("a first run", () => (runs(folder)() === 1 ? true : undefined));
    const first = started.pid;
    started.kill("SIGUSR1");
    await eventually("a second run", () => (runs(folder)() === 2 ? true : undefined));
    const { pid } = await status(box, "running");
    expect(pid).not.toBe(first);
    expect(started.pid).toBe(pid);
    started.kill("SIGTERM");
    expect(await started.wait()).toEqual({ exitCode: 8, signal: null });
    expect(await box.state()).toMatchObject({ exitCode: 8, stoppedByHand: true });

    const before = runs(folder)();
    const second = await box.start({ detach: true });
    await eventually("another run", () => (runs(folder)() > before ? true : undefined));
    second.kill("SIGKILL");
    expect(await second.wait()).toEqual({ exitCode: 137, signal: "SIGKILL" });
    expect(await box.state()).not.toHaveProperty("restartCount");
    await box.remove();
  });

  it("shows all its runs on one terminal, and in one stream", async () => {
    const ways = [{ tty: true }, { tty: false }, { log: { driver: "none" } }] as const;
    for (const way of ways) {
      const tty = "tty" in way && way.tty;
      const box = await create("echo x >> /runs; wc -l < /runs; exit 1", {
        restart: "on-failure:2",
        ...way,
      });
      const started = await box.start();
      let text = "";
      const read = (async () => {
        for await (const chunk of started.stdout ?? []) text += String(chunk);
      })();
      expect(await started.wait()).toMatchObject({ exitCode: 1 });
      await read;
      expect(text).toBe(["1", "2", "3", ""].join(tty ? "\r\n" : "\n"));
      await box.remove();
    }
  });

  it.runIf(canFuse)("has its files from fuse-overlayfs again", async () => {
    const other = await testEngine({ storageDriver: "fuse-overlayfs" });
    await other.images.load(busyboxArchive());
    const box = await other.containers.create({
      image: "busybox",
      command: ["sh", "-c", "echo x >> /runs; wc -l < /runs; exit 1"],
      restart: "on-failure:1",
    });
    const started = await box.start();
    let text = "";
    for await (const chunk of started.stdout ?? []) text += String(chunk);
    expect(await started.wait()).toMatchObject({ exitCode: 1 });
    expect(text).toBe("1\n2\n");
    await box.remove();
  });

  it("ends with its owner, also in between", async () => {
    await using owner = script(
      engine.root,
      `const engine = await marmita.openEngine({ root });
       const command = ["sh", "-c", "exit 4"];
       const box = await engine.containers.create({ image: "busybox", command, restart: "always" });
       await box.start({ stdout: "ignore", stderr: "ignore" });
       console.log(box.id);
       await new Promise((resolve) => setTimeout(resolve, 60_000));`,
    );
    const box = await engine.containers.get(await lineOf(owner.stdout, /./));
    await eventually(
      "a pause",
      async () => {
        const { restartCount = 0, status: now } = await box.state();
        return now === "restarting" && restartCount > 2 ? true : undefined;
      },
      5_000,
    );
    owner.child.kill("SIGKILL");
    expect(await status(box, "exited")).toMatchObject({ exitCode: 4 });
    await box.remove();
  });

  it("reads as it ended last when its keeper is killed in between", async () => {
    const box = await create("exit 6", { restart: "always" });
    await box.start({ detach: true });
    const keeper = await eventually(
      "a long pause",
      () => {
        const live = lookAtLive(new Paths(engine.root), box.id);
        const { restarting = false, restartCount = 0, keeper: pid } = live?.content ?? {};
        return restarting && restartCount > 3 ? pid : undefined;
      },
      5_000,
    );
    process.kill(keeper, "SIGKILL");
    const state = await status(box, "exited");
    expect(state).toMatchObject({ exitCode: 6 });
    expect(state.restartCount).toBeGreaterThan(3);
    await box.remove();
  });

  it("is removed by force, running or not", async () => {
    for (const line of ["exit 1", "sleep 1000"]) {
      const box = await create(line, { restart: "always" });
      await box.start({ detach: true });
      await box.remove({ force: true });
      expect(await engine.containers.find(box.id)).toBeUndefined();
    }
  });

  it("ends when it cannot be started again, and says why", async () => {
    const { folder, box } = await withGate(
      "always",
      "printf x >> /gate/runs; rm -rf /bin/sh; exit 1",
    );
    const started = await box.start();
    expect(await started.wait()).toMatchObject({ exitCode: 127 });
    expect(runs(folder)()).toBe(1);
    const state = await box.state();
    expect(state).toMatchObject({ status: "exited", exitCode: 127 });
    expect(state.error).toContain("sh");
    await box.remove();
  });

  it.each([
    [{ restart: "sometimes" }, /"restart" to be "no", "always"/],
    [{ restart: "always:3" }, /no maximum retry count/],
    [{ restart: "always", remove: true }, /exclude each other/],
  ])("is refused: %j", async (options, message) => {
    const given = { image: "busybox", ...options } as CreateOptions;
    await expect(engine.containers.create(given)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message) as string,
    });
  });
});
