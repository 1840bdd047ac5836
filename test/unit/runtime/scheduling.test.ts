import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import {
  affinityOperations,
  schedulingOperations,
  type IoPriority,
  type Scheduler,
} from "../../../lib/runtime/scheduling.ts";

function scheduler(given: Scheduler): string {
  return formatPlan(schedulingOperations({ scheduler: given }));
}

const refused = (code: string, field: string) =>
  expect.objectContaining({ code, details: expect.objectContaining({ field }) as unknown });

describe("the scheduling of a process", () => {
  it("is nothing where nothing is said", () => {
    expect(schedulingOperations({})).toEqual([]);
    expect(affinityOperations(undefined)).toEqual([]);
    expect(affinityOperations({ initial: "", final: "" })).toEqual([]);
  });

  it("has a nice value, or a priority where that counts", () => {
    expect(scheduler({ policy: "SCHED_BATCH", nice: -5 })).toBe(
      `scheduler 3 0 ${2n ** 64n - 5n} 0 0 0\n`,
    );
    expect(scheduler({ policy: "SCHED_RR", priority: 99, nice: 3 })).toBe(
      "scheduler 2 0 99 0 0 0\n",
    );
  });

  it("has flags and times", () => {
    const flags = ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"];
    const period = 2n ** 62n;

    expect(scheduler({ policy: "SCHED_DEADLINE", flags, runtime: 10, deadline: 20n, period })).toBe(
      `scheduler 6 5 0 10 20 ${period}\n`,
    );
  });

  it.for([
    ["INVALID_ARGUMENT", "policy", { policy: "SCHED_ODD" }],
    ["INVALID_ARGUMENT", "policy", { policy: "constructor" }],
    ["UNSUPPORTED", "policy", { policy: "SCHED_ISO" }],
    ["UNSUPPORTED", "flags", { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_UTIL_CLAMP_MIN"] }],
    ["INVALID_ARGUMENT", "flags", { policy: "SCHED_OTHER", flags: ["x"] }],
    ["INVALID_ARGUMENT", "nice", { policy: "SCHED_OTHER", nice: 20 }],
    ["INVALID_ARGUMENT", "priority", { policy: "SCHED_FIFO", priority: 100 }],
    ["INVALID_ARGUMENT", "priority", { policy: "SCHED_OTHER", priority: 1 }],
    ["INVALID_ARGUMENT", "runtime", { policy: "SCHED_DEADLINE", runtime: 2n ** 63n }],
    ["INVALID_ARGUMENT", "period", { policy: "SCHED_DEADLINE", period: -1 }],
  ] as const)("is refused, %s of %s: %o", ([code, field, given]) => {
    expect(() => scheduler(given)).toThrow(refused(code, `process.scheduler.${field}`));
  });

  it("has a class of I/O with a level", () => {
    const ioPriority = { class: "IOPRIO_CLASS_IDLE", priority: 7 };

    expect(schedulingOperations({ ioPriority })).toEqual([["io-priority", (3 << 13) | 7]]);
  });

  it.for([
    ["class", { class: "IOPRIO_CLASS_NONE", priority: 0 }],
    ["priority", { class: "IOPRIO_CLASS_BE", priority: 8 }],
  ] as const)("is refused, the %s of I/O", ([field, ioPriority]: readonly [string, IoPriority]) => {
    expect(() => schedulingOperations({ ioPriority })).toThrow(
      refused("INVALID_ARGUMENT", `process.ioPriority.${field}`),
    );
  });

  it("has CPUs before and after", () => {
    expect(affinityOperations({ initial: "0-3,7", final: "1" })).toEqual([
      ["cpu-affinity", "0-3,7", "1"],
    ]);
  });

  it.for(["x", "3-1", "1,", "-1", "0-", "1024", "1;2"])("has no such CPUs: %s", (final) => {
    expect(() => affinityOperations({ final })).toThrow(
      refused("INVALID_ARGUMENT", "process.execCPUAffinity.final"),
    );
  });
});
