/** Whoever creates, starts or deletes a container of a bundle is killed half-way. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import { readRecord } from "../../lib/bundles/record.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces();

/** Of a start that takes some 30 ms on an idle machine. */
const MOMENTS_MS = [0, 5, 10, 15, 20, 30];

const OPTIONS = `{ root, cgroupManager: "disabled", stdin: "ignore", stdout: "ignore", stderr: "ignore" }`;

describe("when it is killed half-way", () => {
  expectNothingLeft();

  let folder: BundleFolder;
  let bundle: string;

  beforeAll(async () => {
    if (!able) return;
    folder = await BundleFolder.open();
    bundle = folder.make(["sleep", "1000"]);
  });

  const root = () => ({ root: folder.states });
  const inStates = () => {
    return readdirSync(folder.states).filter((name) => !name.startsWith("~"));
  };
  const create = (id: string) =>
    runtime.create(id, bundle, {
      ...root(),
      cgroupManager: "disabled",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });

  async function killAfter(ms: number, work: string): Promise<void> {
    const begun = `const bundle = ${JSON.stringify(bundle)}; console.log("begun");`;
    const stays = `setInterval(() => {}, 1000);`;
    await using killed = script(folder.states, `${begun} ${work} ${stays}`);
    await lineOf(killed.stdout, /begun/);
    await new Promise((resolve) => setTimeout(resolve, ms));
    killed.child.kill("SIGKILL");
    await killed.ended;
  }

  it.for(MOMENTS_MS)(
    "a creator leaves what is whole, or what is stopped: after %i ms",
    async (ms) => {
      await killAfter(ms, `await marmita.runtime.create("made", bundle, ${OPTIONS});`);

      for (const id of existsSync(folder.states) ? inStates() : []) {
        const { status } = await eventually("it is not being made", async () => {
          const state = await runtime.state(id, root());
          return state.status === "creating" ? undefined : state;
        });
        expect(["created", "stopped"]).toContain(status);
        await expect(create("made")).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
      }
      await runtime.delete("made", { ...root(), force: true });
      await create("made");
      await runtime.delete("made", { ...root(), force: true });
      expect(inStates()).toEqual([]);
    },
  );

  it.for([0, 2, 5])("a starter leaves it created, or running: after %i ms", async (ms) => {
    await create("started");

    await killAfter(ms, `await marmita.runtime.start("started", { root });`);

    const { status } = await runtime.state("started", root());
    expect(["created", "running"]).toContain(status);
    if (status === "created") await runtime.start("started", root());
    await runtime.delete("started", { ...root(), force: true });
  });

  it.for([0, 2, 5])("a deleter leaves what can be deleted: after %i ms", async (ms) => {
    await create("deleted");

    await killAfter(ms, `await marmita.runtime.delete("deleted", { root, force: true });`);

    await runtime.delete("deleted", { ...root(), force: true });
    await create("deleted");
    await runtime.delete("deleted", { ...root(), force: true });
    expect(inStates()).toEqual([]);
  });

  it("a runner takes its container with it, and leaves a record that says so", async () => {
    await using runner = script(
      folder.states,
      `const onStarted = ({ pid }) => console.log("runs " + pid);
       await marmita.runtime.run("run", ${JSON.stringify(bundle)}, { root, cgroupManager: "disabled", onStarted });`,
    );
    const pid = (await lineOf(runner.stdout, /runs/)).split(" ")[1] ?? "";

    runner.child.kill("SIGKILL");

    await eventually("it is gone", () => (existsSync(`/proc/${pid}`) ? undefined : true));
    expect(await runtime.state("run", root())).toMatchObject({ status: "stopped", pid: 0 });
    await runtime.delete("run", root());
  });

  it.for(["starter", "init"] as const)("the %s itself, nothing is left", async (which) => {
    const hooks = { createRuntime: [folder.does("echo x >> /dev/null; exec sleep 1000")] };
    const waiting = folder.make(["true"], { hooks });
    const creating = runtime.create("victim", waiting, { ...root(), cgroupManager: "disabled" });
    creating.catch(() => undefined);
    const path = `${folder.states}/victim/state.json`;
    const starter = await eventually("it is being made", () => readRecord(path)?.starter?.pid);
    const pid = await eventually("its first process", () => childOf(starter));

    process.kill(which === "starter" ? starter : pid, "SIGKILL");

    await expect(creating).rejects.toMatchObject({ code: "START_FAILED" });
    expect(isRunning(pid)).toBe(false);
    expect(inStates()).toEqual([]);
  });
});

function childOf(pid: number): number | undefined {
  const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0] ?? "";
  return first === "" ? undefined : Number(first);
}

/** One that nobody has reaped does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
