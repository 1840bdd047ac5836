import { readFile, readdir, readlink } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { hasHelper } from "../helpers/network-machine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("a container that shares namespaces", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  /** Runs until it is disposed of. */
  async function neighbour(script: string): Promise<Container> {
    const command = ["sh", "-c", `${script}; echo ready; exec sleep 60`];
    const { container, process } = await engine.containers.createAndStart({
      image: "busybox",
      command,
      network: "none",
      remove: true,
    });
    for await (const chunk of process.stdout ?? []) if (String(chunk).includes("ready")) break;
    return container;
  }

  function shell(script: string, options: RunOptions) {
    return run("busybox", ["sh", "-c", script], { engine, remove: true, ...options });
  }

  it("is in those it asks for, and in the user namespace they belong to", async () => {
    await using other = await neighbour("echo here > /dev/shm/note");
    const types = ["user", "net", "pid", "ipc", "mnt", "uts"];
    const script = types.map((type) => `readlink /proc/self/ns/${type}`).join("; ");
    const from = `container:${other.id}`;

    const { stdout } = await shell(`${script}; cat /dev/shm/note`, {
      network: `container:${other.name}`,
      pid: `container:${other.id.slice(0, 12)}`,
      ipc: from as `container:${string}`,
    });

    const { pid } = await other.state();
    const theirs = await Promise.all(types.map((type) => readlink(`/proc/${pid}/ns/${type}`)));
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(0, 4)).toEqual(theirs.slice(0, 4));
    expect(lines.slice(4, 6)).not.toContain(theirs[4]);
    expect(lines.slice(4, 6)).not.toContain(theirs[5]);
    expect(lines[6]).toBe("here");
  });

  it("sees the other's processes, and may signal them", async () => {
    await using other = await neighbour(":");

    const { stdout } = await shell("ps -o pid,args; kill 1", {
      network: "none",
      pid: `container:${other.id}`,
    });

    // `sleep` as a first process ignores a signal it has no handler for.
    expect(stdout).toMatch(/^ +1 sleep 60$/m);
    expect((await other.state()).status).toBe("running");
  });

  it("takes all its processes with it when it ends, and none of the other's", async () => {
    await using other = await neighbour("sleep 61 & true");
    const mine = "sleep 62 & (sleep 62 &); (setsid sleep 62 &); sleep 0.1";

    await shell(mine, { network: "none", pid: `container:${other.id}` });

    expect(await commands("sleep 62")).toBe(0);
    expect(await commands("sleep 61")).toBeGreaterThan(0);
  });

  it("does not show the other the programs that serve it", async ({ skip }) => {
    skip(!["pasta", "slirp4netns"].some(hasHelper), "neither pasta nor slirp4netns is installed");
    await using other = await neighbour(":");
    const pid: `container:${string}` = `container:${other.id}`;

    const { stdout, isolation } = await shell("ps -o args", { pid });

    skip(isolation.networkHelper === undefined, "no network helper works here");
    expect(stdout).toContain("sleep 60");
    expect(stdout).not.toMatch(/pasta|passt|slirp4netns|marmita/);
  });

  it("has its own when it asks for none", async () => {
    await using other = await neighbour(":");

    const { stdout } = await shell("readlink /proc/self/ns/user; ps", { network: "none" });

    const { pid } = await other.state();
    expect(stdout).not.toContain(await readlink(`/proc/${pid}/ns/user`));
    expect(stdout).not.toContain("sleep 60");
  });

  it("is refused when the other does not run, or is not there", async () => {
    const stopped = await engine.containers.create({ image: "busybox", command: ["true"] });
    try {
      await expect(
        shell("true", { network: "none", pid: `container:${stopped.name}` }),
      ).rejects.toMatchObject({
        code: "CONFLICT",
        message: `container ${stopped.name} is not running`,
      });
      await expect(shell("true", { network: "container:nobody" })).rejects.toMatchObject({
        code: "NOT_FOUND",
        message: "no such container: nobody",
      });
    } finally {
      await stopped.remove();
    }
  });

  it("can only share with those that share one user namespace", async () => {
    await using one = await neighbour(":");
    await using other = await neighbour(":");

    await expect(
      shell("true", { network: `container:${one.id}`, pid: `container:${other.id}` }),
    ).rejects.toMatchObject({ code: "START_FAILED", step: "join", errno: "EPERM" });
  });
});

/** How many processes of this machine have this command line. */
async function commands(words: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line === `${words.replaceAll(" ", "\0")}\0`).length;
}
