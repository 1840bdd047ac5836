/** Creations of bundles' containers that are given up at their last moment. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, watch } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { isAlive } from "../helpers/bare.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

/** From the moment on in which the pid file is there. */
const MOMENTS: Readonly<Record<string, (abort: () => void) => unknown>> = {
  "at once": (abort) => abort(),
  "a tick later": (abort) => process.nextTick(abort),
  "a turn later": (abort) => setImmediate(abort),
  "two turns later": (abort) => setImmediate(() => setImmediate(abort)),
};

const TRIES = 5;

describe("a container whose creation is given up when it waits already", () => {
  expectNothingLeft();

  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  it.for(Object.keys(MOMENTS))("is created, or nothing of it runs: %s", async (name) => {
    const bundle = folder.make(["sleep", "1000"]);
    for (let round = 0; round < TRIES; round++) {
      const { isCreated, pid } = await createAndAbort(bundle, MOMENTS[name] ?? fail);

      expect(isAlive(pid)).toBe(isCreated);
      expect(existsSync(join(folder.states, "box"))).toBe(isCreated);
      if (isCreated) await runtime.delete("box", { root: folder.states, force: true });
    }
  });

  async function createAndAbort(bundle: string, at: (abort: () => void) => unknown) {
    const pidFile = join(folder.folder, "pid");
    const abort = new AbortController();
    const watcher = watch(folder.folder, (_, name) => {
      if (name === "pid") at(() => abort.abort());
    });
    try {
      const isCreated = await create(bundle, pidFile, abort.signal);
      return { isCreated, pid: Number(readFileSync(pidFile, "utf8")) };
    } finally {
      watcher.close();
    }
  }

  async function create(bundle: string, pidFile: string, signal: AbortSignal): Promise<boolean> {
    const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    const options = { root: folder.states, cgroupManager: "disabled", pidFile, signal } as const;
    try {
      await runtime.create("box", bundle, { ...options, ...quiet });
      return true;
    } catch (error) {
      expect(error).toMatchObject({ name: "AbortError" });
      return false;
    }
  }
});

describe("a terminal whose socket nobody accepts", () => {
  expectNothingLeft();

  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const terminal = { terminal: true };
  let folder: BundleFolder;

  beforeAll(async () => {
    if (able) folder = await BundleFolder.open();
  });

  it("holds up no creation that is given up", async () => {
    using socket = await fullSocket();
    const root = folder.states;
    const bundle = folder.make(["sleep", "1000"], { process: terminal });
    const given = { root, cgroupManager: "disabled", consoleSocket: socket.path } as const;
    const signal = AbortSignal.timeout(300);

    await expect(
      runtime.create("deaf", bundle, { ...given, ...quiet, signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(root, "deaf"))).toBe(false);
  });

  it("holds up no further process that is given up", async () => {
    using socket = await fullSocket();
    const root = folder.states;
    const bundle = folder.make(["sleep", "1000"]);
    await runtime.create("one", bundle, { root, cgroupManager: "disabled", ...quiet });
    onTestFinished(() => runtime.delete("one", { root, force: true }));
    await runtime.start("one", { root });
    const given = { root, tty: true, detach: true, consoleSocket: socket.path } as const;
    const signal = AbortSignal.timeout(300);

    await expect(runtime.exec("one", ["true"], { ...given, signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    // The child of the one that was killed dies of it, in its own time.
    await eventually("the container's own process alone", async () =>
      (await runtime.ps("one", { root })).length === 1 ? true : undefined,
    );
  });
});

/** Its server stands still, and no further connection fits into its queue. */
async function fullSocket(): Promise<Disposable & { readonly path: string }> {
  const path = join(await temporaryFolder(), "socket");
  const listen = `require("node:net").createServer().listen({ path: process.argv[1], backlog: 1 })`;
  const server = spawn(process.execPath, ["-e", listen, path], { stdio: "ignore" });
  await eventually("a server", () => (existsSync(path) ? true : undefined));
  server.kill("SIGSTOP");
  const sockets: Socket[] = [];
  while (await isTaken(path, sockets));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.kill("SIGKILL");
  };
  return { path, [Symbol.dispose]: close };
}

function isTaken(path: string, sockets: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.on("error", () => resolve(false)); // EAGAIN
    sockets.push(socket);
  });
}

function fail(): never {
  throw new Error("no such moment");
}
