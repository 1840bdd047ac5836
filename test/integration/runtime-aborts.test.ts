/** Creations of bundles' containers that are given up at their last moment. */
import { existsSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { isAlive } from "../helpers/bare.ts";
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

function fail(): never {
  throw new Error("no such moment");
}
