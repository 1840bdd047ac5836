/** Several that do something with the containers of one state root at once. */
import { mkdirSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

const MANY = 8;

describe("of several at once", () => {
  expectNothingLeft();

  let folder: BundleFolder;
  let bundle: string;

  beforeAll(async () => {
    if (!able) return;
    folder = await BundleFolder.open();
    bundle = folder.make(["sleep", "1000"]);
  });

  const root = () => ({ root: folder.states });
  const create = (id: string) =>
    runtime.create(id, bundle, {
      ...root(),
      cgroupManager: "disabled",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
  const inStates = () => readdirSync(folder.states).filter((name) => !name.startsWith("~seccomp"));

  it("one creates a container, starts it, deletes it", async () => {
    expect(await outcomes(() => create("one"))).toEqual(["ALREADY_EXISTS", "done"]);
    expect(await outcomes(() => runtime.start("one", root()))).toEqual(["CONFLICT", "done"]);
    await runtime.kill("one", "SIGKILL", root());
    await runtime.delete("one", { ...root(), force: true });
    await create("one");
    expect(await outcomes(() => runtime.delete("one", { ...root(), force: true }))).toEqual([
      "done",
    ]);
    expect(inStates()).toEqual([]);
  });

  it("none is in another's way", async () => {
    const ids = Array.from({ length: MANY }, (_, index) => `many-${index}`);

    await Promise.all(ids.map(create));
    const listed = await runtime.list(root());
    expect(listed.map(({ id, status }) => `${id} ${status}`)).toEqual(
      ids.map((id) => `${id} created`),
    );
    await Promise.all(ids.map((id) => runtime.start(id, root())));
    await Promise.all(ids.map((id) => runtime.delete(id, { ...root(), force: true })));

    expect(inStates()).toEqual([]);
  });

  it("whoever starts and whoever deletes both come to an end, with nothing left", async () => {
    for (let turn = 0; turn < MANY; turn++) {
      await create("race");

      const [started] = await Promise.allSettled([
        runtime.start("race", root()),
        runtime.delete("race", { ...root(), force: true }),
      ]);

      expect(["fulfilled", "CONFLICT", "NOT_FOUND"]).toContain(wordFor(started));
      expect(inStates()).toEqual([]);
    }
  });

  it("one deletes what another creates, as often as that is", async () => {
    for (let turn = 0; turn < MANY; turn++) {
      const [created] = await Promise.allSettled([
        create("new"),
        runtime.delete("new", { ...root(), force: true }),
      ]);

      expect(["fulfilled", "START_FAILED"]).toContain(wordFor(created));
      await runtime.delete("new", { ...root(), force: true });
      expect(inStates()).toEqual([]);
    }
  });

  it("what one that was killed has left is taken away by the next", async () => {
    const left = join(folder.states, "~aside-1");
    const young = join(folder.states, "~aside-2");
    mkdirSync(left);
    mkdirSync(young);
    utimesSync(left, 0, 0);

    await create("tidy");
    await runtime.delete("tidy", { ...root(), force: true });

    expect(inStates()).toEqual(["~aside-2"]);
  });
});

/** How all of them ended, each way once. */
async function outcomes(work: () => Promise<unknown>): Promise<readonly string[]> {
  const settled = await Promise.allSettled(Array.from({ length: MANY }, work));
  const words = settled.map((one) => (one.status === "fulfilled" ? "done" : wordFor(one)));
  expect(words.filter((word) => word === "done").length === 1 || !words.includes("CONFLICT")).toBe(
    true,
  );
  return [...new Set(words)].sort();
}

function wordFor(settled: PromiseSettledResult<unknown>): string {
  if (settled.status === "fulfilled") return settled.status;
  const { code, message } = settled.reason as { code?: string; message: string };
  return code ?? message;
}
