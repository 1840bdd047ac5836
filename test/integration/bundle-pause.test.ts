/** Containers of bundles stand still and go on where no freezer is theirs, and only they do. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { sendTo } from "../../lib/bundles/kill.ts";
import { stopResidents } from "../../lib/bundles/stop-residents.ts";
import { readProcessStat } from "../../lib/runtime/processes.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

/** A first process with two others, of which the last stands still by itself. */
const FAMILY = "sleep 1000 & sleep 1001 & kill -STOP $!; wait";

describe("a paused container of a bundle", () => {
  expectNothingLeft();

  let folder: BundleFolder;
  let root: string;

  beforeAll(async () => {
    if (!able) return;
    folder = await BundleFolder.open();
    root = folder.states;
  });

  async function start(id: string, script: string): Promise<readonly number[]> {
    await runtime.create(id, folder.make(["sh", "-c", script]), {
      root,
      cgroupManager: "disabled",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    onTestFinished(() => runtime.delete(id, { root, force: true }));
    await runtime.start(id, { root });
    return eventually("three processes, one still", async () => {
      const pids = await runtime.ps(id, { root });
      return pids.length === 3 && states(pids).endsWith("T") ? pids : undefined;
    });
  }

  const states = (pids: readonly number[]) =>
    pids.map((pid) => readProcessStat(pid)?.state ?? "-").join("");

  it("has no process that runs, goes on with those that ran, and says so", async () => {
    const pids = await start("family", FAMILY);

    await runtime.pause("family", { root });

    expect(states(pids)).toBe("TTT");
    expect((await runtime.state("family", { root })).status).toBe("paused");
    await expect(runtime.pause("family", { root })).rejects.toMatchObject({ code: "CONFLICT" });

    await runtime.resume("family", { root });

    await eventually("two that sleep", () => (states(pids) === "SST" ? true : undefined));
    expect((await runtime.state("family", { root })).status).toBe("running");
    await expect(runtime.resume("family", { root })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("ends by force, and by a signal that needs no process to go on", async () => {
    const pids = await start("ended", FAMILY);
    await runtime.pause("ended", { root });

    await runtime.kill("ended", "SIGKILL", { root, all: true });

    await eventually("its end", async () =>
      (await runtime.state("ended", { root })).status === "stopped" ? true : undefined,
    );
    expect(states(pids).replaceAll("Z", "-")).toBe("---");
  });

  it("goes on also when whoever paused it was killed half-way", async () => {
    const pids = await start("half", FAMILY);
    // Its note, with who stood still before, comes first; then one after the other is stopped.
    const still = readProcessStat(pids[2]!);
    writeFileSync(join(root, "half", "paused"), `${still?.pid} ${still?.startTicks}`);
    process.kill(pids[0]!, "SIGSTOP");
    await eventually("the first one stopped", () => (states(pids) === "TST" ? true : undefined));
    expect((await runtime.state("half", { root })).status).toBe("paused");

    await runtime.resume("half", { root });

    await eventually("two that sleep", () => (states(pids) === "SST" ? true : undefined));
    expect((await runtime.state("half", { root })).status).toBe("running");
  });
});

describe("who has by now the number of a process that was to be stopped", () => {
  expectNothingLeft();

  it("goes on", async () => {
    const stranger = spawn("sleep", ["1000"], { stdio: "ignore" });
    onTestFinished(() => void stranger.kill("SIGKILL"));
    const { pid = 0 } = stranger;
    const startTicks = (readProcessStat(pid)?.startTicks ?? 0) - 1;
    const note = join(await temporaryFolder(), "paused");

    await stopResidents({ list: () => [{ pid, startTicks }], note });
    expect(sendTo({ pid, startTicks }, constants.signals.SIGSTOP)).toBe(false);

    expect(readProcessStat(pid)?.state).not.toBe("T");
  });
});
