import { describe, expect, it } from "vitest";
import {
  groupWrites,
  refuseVersion1,
  weightOfShares,
} from "../../../lib/bundles/cgroup-resources.ts";
import type { Resources } from "../../../lib/oci/runtime-spec.ts";

/** `file text`, one for each. */
function written(resources: Resources): readonly string[] {
  return groupWrites(resources).map(({ file, text }) => `${file} ${text}`);
}

describe("limits of config.json in a group of version 2", () => {
  it.each<[name: string, resources: Resources, expected: readonly string[]]>([
    ["nothing", {}, []],
    ["memory", { memory: { limit: 1048576 } }, ["memory.max 1048576"]],
    ["memory without a limit", { memory: { limit: -1 } }, ["memory.max max"]],
    ["memory of 64 bits", { memory: { limit: 2n ** 62n } }, ["memory.max 4611686018427387904"]],
    [
      "swap, without the memory that config.json counts with it",
      { memory: { limit: 100, swap: 150 } },
      ["memory.max 100", "memory.swap.max 50"],
    ],
    ["no swap", { memory: { limit: 100, swap: 100 } }, ["memory.max 100", "memory.swap.max 0"]],
    ["any swap", { memory: { swap: -1 } }, ["memory.swap.max max"]],
    ["a reservation", { memory: { reservation: 7 } }, ["memory.low 7"]],
    ["processes", { pids: { limit: 33 } }, ["pids.max 33"]],
    ["any number of processes", { pids: { limit: -1 } }, ["pids.max max"]],
    ["zero processes, which nobody means", { pids: { limit: 0 } }, []],
    ["processor time", { cpu: { quota: 50_000, period: 200_000 } }, ["cpu.max 50000 200000"]],
    ["a quota alone", { cpu: { quota: 50_000 } }, ["cpu.max 50000 100000"]],
    ["a period alone", { cpu: { period: 50_000 } }, ["cpu.max max 50000"]],
    ["no quota", { cpu: { quota: -1, period: 50_000 } }, ["cpu.max max 50000"]],
    ["burst after quota", { cpu: { quota: 5, burst: 3 } }, ["cpu.max 5 100000", "cpu.max.burst 3"]],
    ["idle", { cpu: { idle: 1 } }, ["cpu.idle 1"]],
    ["shares", { cpu: { shares: 1024 } }, ["cpu.weight 100"]],
    ["no shares", { cpu: { shares: 0 } }, []],
    [
      "cpus and nodes",
      { cpu: { cpus: "0-1,3", mems: "0" } },
      ["cpuset.cpus 0-1,3", "cpuset.mems 0"],
    ],
    ["no cpus", { cpu: { cpus: "", mems: "" } }, []],
    [
      "rates of devices",
      {
        blockIO: {
          throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 600 }],
          throttleWriteBpsDevice: [{ major: 8, minor: 1, rate: 0 }],
          throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 1 }],
          throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 2 }],
        },
      },
      ["io.max 8:0 rbps=600", "io.max 8:1 wbps=max", "io.max 8:0 riops=1", "io.max 8:0 wiops=2"],
    ],
    [
      "huge pages",
      { hugepageLimits: [{ pageSize: "2MB", limit: 9 }] },
      ["hugetlb.2MB.max 9", "hugetlb.2MB.rsvd.max 9"],
    ],
    [
      "rdma",
      { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10 } } },
      ["rdma.max mlx5_1 hca_handle=3 hca_object=10"],
    ],
    [
      "files by name, last of all",
      { unified: { "memory.high": "5" }, memory: { limit: 9 } },
      ["memory.max 9", "memory.high 5"],
    ],
  ])("are written: %s", (_name, resources, expected) => {
    expect(written(resources)).toEqual(expected);
  });

  it.each([
    [1, 1],
    [2, 1],
    [1024, 100],
    [262_144, 10_000],
    [1_000_000, 10_000],
  ])("have %i shares as weight %i", (shares, weight) => {
    expect(weightOfShares(shares)).toBe(weight);
  });

  it("have a weight for devices in the scheduler's file, else in the kernel's own", () => {
    const blockIO = { weight: 500, weightDevice: [{ major: 8, minor: 0, weight: 1000 }] };

    expect(groupWrites({ blockIO })).toEqual([
      {
        field: "blockIO.weight",
        file: "io.bfq.weight",
        text: "500",
        instead: { file: "io.weight", text: "default 4950" },
      },
      {
        field: "blockIO.weightDevice",
        file: "io.bfq.weight",
        text: "8:0 1000",
        instead: { file: "io.weight", text: "8:0 10000" },
      },
    ]);
  });

  it.each<[name: string, resources: Resources, field: string]>([
    ["swap without memory", { memory: { swap: 5 } }, "memory.swap"],
    ["less swap than memory", { memory: { swap: 5, limit: 6 } }, "memory.swap"],
    ["a path", { unified: { "../memory.max": "1" } }, "unified.../memory.max"],
    ["a path below", { unified: { "a/memory.max": "1" } }, "unified.a/memory.max"],
    ["a move of processes", { unified: { "cgroup.procs": "1" } }, "unified.cgroup.procs"],
    ["an end of processes", { unified: { "cgroup.kill": "1" } }, "unified.cgroup.kill"],
  ])("are refused by name: %s", (_name, resources, field) => {
    expect(() => groupWrites(resources)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        details: { field: `linux.resources.${field}` },
      }),
    );
  });
});

describe("limits that version 2 has no file for", () => {
  it.each<[field: string, resources: Resources]>([
    ["memory.kernel", { memory: { kernel: 1 } }],
    ["memory.kernelTCP", { memory: { kernelTCP: 1 } }],
    ["memory.swappiness", { memory: { swappiness: 0 } }],
    ["memory.disableOOMKiller", { memory: { disableOOMKiller: true } }],
    ["memory.useHierarchy", { memory: { useHierarchy: false } }],
    ["cpu.realtimeRuntime", { cpu: { realtimeRuntime: 1 } }],
    ["cpu.realtimePeriod", { cpu: { realtimePeriod: 1 } }],
    ["blockIO.leafWeight", { blockIO: { leafWeight: 10 } }],
    [
      "blockIO.weightDevice[0].leafWeight",
      { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] } },
    ],
    ["network.classID", { network: { classID: 1 } }],
    ["network.priorities", { network: { priorities: [{ name: "eth0", priority: 1 }] } }],
  ])("are refused by name: %s", (name, resources) => {
    const field = `linux.resources.${name}`;

    expect(() => refuseVersion1(resources)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", details: { field } }),
    );
  });

  it("are let pass where they ask for what is so anyway", () => {
    const memory = { kernel: -1, kernelTCP: -1, disableOOMKiller: false, useHierarchy: true };

    expect(() => refuseVersion1({ memory, network: { priorities: [] } })).not.toThrow();
  });
});
