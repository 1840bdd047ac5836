import { describe, expect, it } from "vitest";
import { annotatedProperties, scopeProperties } from "../../../lib/bundles/cgroup-properties.ts";
import type { Resources } from "../../../lib/oci/runtime-spec.ts";

const INFINITE = "18446744073709551615";

describe("properties of a scope", () => {
  it.each<[name: string, resources: Resources, expected: readonly (readonly string[])[]]>([
    ["nothing", {}, []],
    [
      "memory and swap apart",
      { memory: { limit: 100, swap: 150, reservation: 20 } },
      [
        ["MemoryMax", "t", "100"],
        ["MemoryLow", "t", "20"],
        ["MemorySwapMax", "t", "50"],
      ],
    ],
    [
      "no limit",
      { memory: { limit: -1 }, pids: { limit: -1 } },
      [
        ["MemoryMax", "t", INFINITE],
        ["TasksMax", "t", INFINITE],
      ],
    ],
    ["zero processes, which nobody means", { pids: { limit: 0 } }, []],
    [
      "processor time a second, in hundredths of a processor",
      { cpu: { quota: 33_333, period: 100_000, shares: 1024 } },
      [
        ["CPUWeight", "t", "100"],
        ["CPUQuotaPerSecUSec", "t", "340000"],
        ["CPUQuotaPeriodUSec", "t", "100000"],
      ],
    ],
    [
      "cpus as bits",
      { cpu: { cpus: "0-1,9", mems: "0" } },
      [
        ["AllowedCPUs", "ay", "2", "3", "2"],
        ["AllowedMemoryNodes", "ay", "1", "1"],
      ],
    ],
    [
      "files of `unified`",
      { unified: { "memory.high": "7", "pids.max": "max" } },
      [
        ["MemoryHigh", "t", "7"],
        ["TasksMax", "t", INFINITE],
      ],
    ],
  ])("are those of limits: %s", (_name, resources, expected) => {
    expect(scopeProperties(resources)).toEqual(expected);
  });

  it.each(["a", "3-1", "0-99999", "1,,2", "-1"])("%j is no list of cpus", (cpus) => {
    expect(() => scopeProperties({ cpu: { cpus } })).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        details: { field: "linux.resources.cpu.cpus", value: cpus },
      }),
    );
  });

  it.each([
    ["CollectMode", "'inactive'", ["CollectMode", "s", "inactive"]],
    ["TimeoutStopUSec", "uint64 5000", ["TimeoutStopUSec", "t", "5000"]],
    ["TimeoutStopSec", "uint64 5", ["TimeoutStopUSec", "t", "5000000"]],
    ["KillSignal", "15", ["KillSignal", "i", "15"]],
    ["SendSIGHUP", "true", ["SendSIGHUP", "b", "true"]],
    ["Nice", "-3", ["Nice", "i", "-3"]],
    ["Before", "['a.service', \"b.service\"]", ["Before", "as", "2", "a.service", "b.service"]],
    ["After", "[]", ["After", "as", "0"]],
    ["Description", "'it\\'s'", ["Description", "s", "it's"]],
  ])("are those of annotations: %s %s", (name, value, expected) => {
    const annotations = { [`org.systemd.property.${name}`]: value, other: "x" };

    expect(annotatedProperties(annotations)).toEqual([expected]);
  });

  it.each([
    ["Before", "[a]"],
    ["Before", "['a' 'b']"],
    ["X-y", "true"],
    ["Nice", "five"],
    ["Description", "'a' 'b'"],
  ])("are refused by name: %s %s", (name, value) => {
    const key = `org.systemd.property.${name}`;

    expect(() => annotatedProperties({ [key]: value })).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        details: { field: `annotations.${key}`, value },
      }),
    );
  });
});
