/** Who belongs to a container, while numbers of processes go from one to the next. */
import { describe, expect, it } from "vitest";
import { familyOf, residentsByNamespace } from "../../../lib/bundles/residents.ts";
import { type ProcessStat, readProcessStat } from "../../../lib/runtime/processes.ts";

const own = readProcessStat(process.pid);

describe("who descends from a container's process", () => {
  const at = (pid: number, parent: number, startTicks: number): ProcessStat => {
    if (own === undefined) throw new Error("no /proc");
    return { ...own, pid, parent, startTicks };
  };
  const found = (all: readonly ProcessStat[], isStillSame = () => true) => {
    const byPid = new Map(all.map((one) => [one.pid, one]));
    return familyOf(all.slice(0, 1), byPid, isStillSame).map(({ pid }) => pid);
  };

  it("is whose parents do", () => {
    expect(found([at(10, 1, 500), at(11, 10, 500), at(12, 11, 501), at(13, 1, 502)])).toEqual([
      10, 11, 12,
    ]);
  });

  it("is nobody older than what has its parent's number", () => {
    expect(found([at(10, 1, 500), at(11, 10, 499), at(12, 11, 501)])).toEqual([10]);
  });

  it("is nobody whose parent's number has gone to another since", () => {
    expect(found([at(10, 1, 500), at(11, 10, 501)], () => false)).toEqual([10]);
  });

  it("is there of the process that is meant, and of none that has its number", () => {
    const { pid, startTicks = 0 } = { pid: process.pid, startTicks: own?.startTicks };

    expect(residentsByNamespace({ pid, startTicks }, undefined).map((one) => one.pid)).toContain(
      pid,
    );
    expect(residentsByNamespace({ pid, startTicks: startTicks - 1 }, "mnt")).toEqual([]);
  });
});
