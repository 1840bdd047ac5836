/** The verb `pause`, as commit uses it: in the mapped namespace of a container that runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readlinkSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Container } from "../../lib/engine/container.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { Helper, type HelperEvent } from "../../lib/native/helper.ts";
import { startReady } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually, lineOf } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const HELPER = new URL("../../dist/native/helper.js", import.meta.url).href;

/** Children and grandchildren, one of them in a session of its own, one stopped by its own shell. */
const FAMILY = `
  sleep 61 & setsid sh -c 'sleep 62; true' & sh -c 'kill -STOP $$' &
  (sleep 63 &) ; echo ready; exec sleep 64`;

interface Live {
  readonly pid: number;
  readonly keeper: number;
}

describe.runIf(requireUserNamespaces())("a container that is paused", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  function liveOf({ id }: Container): Live {
    return JSON.parse(readFileSync(join(engine.root, "live", id), "utf8")) as Live;
  }

  async function paused(container: Container) {
    const namespace = openSync(`/proc/${liveOf(container).keeper}/ns/user`, "r");
    try {
      const args = ["--userns", join(engine.root, "live", container.id), container.name];
      const helper = Helper.start("pause", { args, extra: [namespace] });
      const { value } = await helper.events[Symbol.asyncIterator]().next();
      return { helper, event: value as HelperEvent };
    } finally {
      closeSync(namespace);
    }
  }

  async function goOn(helper: Helper): Promise<void> {
    helper.send("continue");
    expect(await helper.ended).toEqual({ exitCode: 0, signal: 0 });
  }

  /** Of all processes in the container's mount namespace, by what they are. */
  function states(container: Container): Record<string, string> {
    const { pid } = liveOf(container);
    const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    const home = mountsOf(String(pid)) ?? mountsOf(child); // the one of ours hides
    return Object.fromEntries(
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && mountsOf(name) === home)
        .map((pid) => [
          readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 30),
          /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "",
        ]),
    );
  }

  function mountsOf(pid: string): string | undefined {
    try {
      return readlinkSync(`/proc/${pid}/ns/mnt`);
    } catch {
      return undefined; // of others, or gone
    }
  }

  const STANDING = {
    "sleep 61": "T",
    "sleep 62": "T",
    "sleep 63": "T",
    "sleep 64": "T",
    "sh -c sleep 62; true": "T",
    "sh -c kill -STOP $$": "T",
  };
  const GOING = {
    "sleep 61": "S",
    "sleep 62": "S",
    "sleep 63": "S",
    "sleep 64": "S",
    "sh -c sleep 62; true": "S",
    "sh -c kill -STOP $$": "T",
  };

  /** `kill -STOP` is a matter of moments. */
  async function isGoing(container: Container): Promise<void> {
    await expect.poll(() => states(container)).toEqual(GOING);
  }

  it.each([
    ["pids of its own", {}],
    ["the machine's pids", { pid: "host" }],
    ["a first process of ours", { init: true }],
  ] as const)("stands still with all that descends from it: with %s", async (_what, options) => {
    await using container = await startReady(engine, FAMILY, options);
    await expect.poll(() => states(container)).toMatchObject(GOING);

    const { helper, event } = await paused(container);

    expect(event).toMatchObject({ event: "paused" });
    expect(states(container)).toMatchObject(STANDING);
    expect(new Set(Object.values(states(container)))).toEqual(new Set(["T"]));
    await goOn(helper);
    await expect.poll(() => states(container)).toMatchObject(GOING);
  });

  it("leaves those alone that share its pids, but are another container", async () => {
    await using container = await startReady(engine, "echo ready; exec sleep 65");
    await using other = await startReady(engine, "echo ready; exec sleep 66", {
      pid: `container:${container.name}`,
    });
    await expect.poll(() => states(container)).toEqual({ "sleep 65": "S" });
    await expect.poll(() => states(other)).toEqual({ "sleep 66": "S" });

    const first = await paused(container);
    expect(states(container)).toEqual({ "sleep 65": "T" });
    expect(states(other)).toEqual({ "sleep 66": "S" });
    await goOn(first.helper);
  });

  it("goes on when whoever paused it is killed", async () => {
    await using container = await startReady(engine, FAMILY);
    await isGoing(container);
    const live = join(engine.root, "live", container.id);
    const text = `
      import { Helper } from ${JSON.stringify(HELPER)};
      import { openSync } from "node:fs";
      const namespace = openSync("/proc/${liveOf(container).keeper}/ns/user", "r");
      const args = ["--userns", ${JSON.stringify(live)}, "web"];
      const helper = Helper.start("pause", { args, extra: [namespace] });
      for await (const { event } of helper.events) console.log(event);`;
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", text], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await lineOf(owner.stdout, /paused/);
    expect(states(container)).toEqual(STANDING);

    owner.kill("SIGKILL");
    await once(owner, "exit");

    await isGoing(container);
  });

  it("stands still for each who pauses it, one after the other", async () => {
    await using container = await startReady(engine, FAMILY);
    await isGoing(container);
    const first = await paused(container);
    let isOver = false;
    const waiting = paused(container).finally(() => (isOver = true));
    await delay(100);
    expect(isOver).toBe(false);

    await goOn(first.helper);
    const second = await waiting;

    expect(second.event["processes"]).toBe(first.event["processes"]);
    expect(states(container)).toEqual(STANDING);
    await goOn(second.helper);
    await isGoing(container);
  });

  it("is not waited for by whoever has given up", async () => {
    await using container = await startReady(engine, FAMILY);
    await isGoing(container);
    const { helper } = await paused(container);

    const signal = AbortSignal.timeout(100);
    await expect(container.commit("x", { signal })).rejects.toMatchObject({ name: "AbortError" });

    expect(states(container)).toEqual(STANDING);
    await goOn(helper);
    await isGoing(container);
  });

  it("goes on when the helper is asked to end", async () => {
    await using container = await startReady(engine, FAMILY);
    await isGoing(container);
    const { helper } = await paused(container);

    process.kill(helper.pid, "SIGTERM");

    expect(await helper.ended).toEqual({ exitCode: 0, signal: 0 });
    await isGoing(container);
  });

  it("need not run", async () => {
    await using container = await startReady(engine, "echo ready; exec sleep 67");
    const { keeper } = liveOf(container);
    const namespace = openSync(`/proc/${keeper}/ns/user`, "r");
    process.kill(liveOf(container).pid, "SIGKILL");
    await eventually("its end", () => {
      return readdirSync(join(engine.root, "live")).includes(container.id) ? undefined : true;
    });

    const args = ["--userns", join(engine.root, "live", container.id), container.name];
    const helper = Helper.start("pause", { args, extra: [namespace] });
    closeSync(namespace);
    const { value } = await helper.events[Symbol.asyncIterator]().next();

    expect(value).toEqual({ event: "paused", processes: 0 });
    await goOn(helper);
  });
});
