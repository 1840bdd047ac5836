/**
 * A container whose process has ended, and whose number is another process's by now: nothing that is
 * meant for the container reaches that one.
 *
 * Red when isAlive() in lib/bundles/process-identity.ts compares no start times; where only
 * target_find() in native/init/target.c does not, test/integration/bare-join.test.ts is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { isAlive } from "../helpers/bare.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

interface State {
  init: { pid: number; startTicks: number; bootId: string };
}

describe.runIf(requireUserNamespaces())("the number of a container's process", () => {
  let folder: BundleFolder;
  let root: string;
  let stranger: ChildProcess;

  beforeEach(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
    const bundle = folder.make(["sleep", "1000"]);
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    await runtime.create("box", bundle, { root, cgroupManager: "disabled", ...streams });
    await runtime.start("box", { root });
    stranger = spawn("sleep", ["1000"]);
  });

  afterEach(async () => {
    stranger.kill("SIGKILL");
    await once(stranger, "exit");
  });
  expectNothingLeft();

  it.for(["startTicks", "bootId"] as const)("is a stranger's, by another %s", async (what) => {
    const number = stranger.pid ?? 0;
    await runtime.kill("box", "SIGKILL", { root });
    reuse(number, what);

    expect(await runtime.state("box", { root })).toMatchObject({ status: "stopped", pid: 0 });
    await expect(runtime.exec("box", ["true"], { root })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    for (const order of [
      () => runtime.kill("box", "SIGKILL", { root }),
      () => runtime.kill("box", "SIGKILL", { root, all: true }),
      () => runtime.pause("box", { root }),
      () => runtime.start("box", { root }),
      () => runtime.ps("box", { root }),
    ]) {
      await order().catch(() => undefined); // whether it is refused is another matter
    }
    await runtime.delete("box", { root, force: true });

    expect(isAlive(number)).toBe(true);
    expect(readFileSync(`/proc/${number}/stat`, "latin1")).not.toMatch(/\) T /);
  });

  /** As it is once the kernel has come round to the number again; or in the same tick, after a boot. */
  function reuse(pid: number, what: "startTicks" | "bootId"): void {
    const path = join(root, "box/state.json");
    const state = JSON.parse(readFileSync(path, "utf8")) as State;
    const startTicks = Number(
      readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ")[19],
    );
    const other =
      what === "bootId" ? { startTicks, bootId: "0-0" } : { startTicks: startTicks - 1 };
    writeFileSync(path, JSON.stringify({ ...state, init: { ...state.init, pid, ...other } }));
  }
});
