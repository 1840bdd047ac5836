import { beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../lib/engine/container-options.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { startReady } from "../helpers/containers.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const FAMILY =
  "sleep 61 & setsid sh -c 'sleep 62; true' & (sleep 63 &) ; echo ready; exec sleep 64";

describe.runIf(requireUserNamespaces())("the processes of a container", () => {
  expectNothingLeft();

  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const started = (options: Partial<CreateOptions> = {}) => startReady(engine, FAMILY, options);

  it.each<[string, Partial<CreateOptions>]>([
    ["alone", {}],
    ["behind a first process of ours", { init: true }],
    ["among this machine's", { pid: "host" }],
  ])("are listed as ps -ef does it: %s", async (_, options) => {
    await using box = await started(options);

    const sleepers = ["sleep 61", "sleep 62", "sleep 63", "sleep 64"];
    const { titles, processes } = await eventually("all of them have begun", async () => {
      const table = await box.top();
      const commands = table.processes.map((cells) => cells.at(-1));
      return sleepers.every((one) => commands.includes(one)) ? table : undefined;
    });

    expect(titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    const { pid } = await box.state();
    const first = processes.find((cells) => cells[1] === String(pid));
    expect(first?.at(-1)).toMatch(options.init ? /marmita/ : /sleep 64/);
    expect(processes.length).toBeLessThanOrEqual(options.init ? 6 : 5);
  });

  it("are listed with the options of ps", async () => {
    await using box = await started();

    const { titles, processes } = await eventually("it has begun", async () => {
      const table = await box.top({ psArgs: ["-eo", "comm,pid,args"] });
      return table.processes.some(([, , words]) => words === "sleep 64") ? table : undefined;
    });

    expect(titles).toEqual(["COMMAND", "PID", "COMMAND"]);
    expect(processes.length).toBeLessThanOrEqual(5);
  });

  it("are not listed without their numbers, or by options that ps does not have", async () => {
    await using box = await started();

    await expect(box.top({ psArgs: ["-eo", "comm"] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("no column PID"),
    });
    await expect(box.top({ psArgs: ["--no-such-option"] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^ps --no-such-option failed: /),
    });
  });

  it("are those of a container that runs", async () => {
    await using box = await engine.containers.create({
      image: "busybox",
      remove: true,
      name: "idle",
    });

    await expect(box.top()).rejects.toMatchObject({
      code: "CONFLICT",
      message: "container idle is not running",
      details: { state: "created" },
    });
    await box.remove();
    await expect(box.top()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
