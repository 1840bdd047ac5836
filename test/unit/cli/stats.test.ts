import { describe, expect, it } from "vitest";
import { formatStats } from "../../../lib/cli/stats.ts";
import { formatBinarySize } from "../../../lib/cli/units.ts";
import type { ContainerStats } from "../../../lib/engine/stats.ts";

const STATS: ContainerStats = {
  id: "0123456789abcdef".repeat(4),
  name: "web",
  time: "2026-11-22T09:00:00.000Z",
  source: "proc",
  cpuPercent: 12.345,
  cpuMs: 100,
  memoryBytes: 1_052_672,
  memoryLimitBytes: 8_000_000_000,
  memoryPercent: 0.013,
  receivedBytes: 1_450,
  sentBytes: 0,
  readBytes: 0,
  writtenBytes: 4_096,
  tasks: 3,
};

describe("stats", () => {
  it("are shown in Docker's columns", () => {
    const text = formatStats([STATS], { noTrunc: false, isTerminal: false, format: undefined });

    expect(text.split("\n").map((line) => line.trimEnd())).toEqual([
      "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O       BLOCK I/O    PIDS",
      "0123456789ab   web       12.35%    1.004MiB / 7.451GiB   0.01%     1.45kB / 0B   0B / 4.1kB   3",
      "",
    ]);
  });

  it("say to people where they are from", () => {
    const shown = (list: readonly ContainerStats[], format?: string) =>
      formatStats(list, { noTrunc: true, isTerminal: true, format });
    const { source: _, ...idle } = STATS;

    expect(shown([STATS])).toMatch(/\nFigures are summed over processes: /);
    expect(shown([STATS, { ...STATS, source: "cgroup" }])).toMatch(/\nSome figures are summed/);
    expect(shown([{ ...STATS, source: "cgroup" }])).not.toContain("summed");
    expect(shown([idle])).not.toContain("summed");
    expect(shown([STATS], "{{.Name}} {{.Source}}")).toBe("web proc\n");
  });

  it("have all of Docker's fields", () => {
    const format = "{{.Container}} {{.ID}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDs}}";

    expect(formatStats([STATS], { noTrunc: false, isTerminal: false, format })).toBe(
      "0123456789ab 0123456789ab 12.35% 1.004MiB / 7.451GiB 1.45kB / 0B 3\n",
    );
  });
});

describe("a size in powers of 1024", () => {
  it.each([
    [0, "0B"],
    [1_023, "1023B"],
    [1_024, "1KiB"],
    [1_052_672, "1.004MiB"],
    [1_073_741_824, "1GiB"],
  ])("of %d bytes is %s", (bytes, text) => {
    expect(formatBinarySize(bytes)).toBe(text);
  });
});
