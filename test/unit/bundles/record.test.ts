import { describe, expect, it } from "vitest";
import { type ContainerRecord, parseRecord } from "../../../lib/bundles/record.ts";

const RECORD: ContainerRecord = {
  ociVersion: "1.2.0",
  id: "lunch",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  created: "2026-01-31T10:00:00.000Z",
  owner: "cook",
  annotations: { dish: "feijoada" },
  filters: "/run/filters",
  init: { pid: 12, startTicks: 345, bootId: "b" },
  cgroup: { manager: "cgroupfs", directory: "/sys/fs/cgroup/lunch" },
};

describe("a container's record", () => {
  it("is read as it was written, and what is new in it is passed over", () => {
    const text = JSON.stringify({ version: 1, ...RECORD, later: true });

    expect(parseRecord(text, "state.json")).toEqual(RECORD);
  });

  it.each([
    ["nothing", ""],
    ["half of it", JSON.stringify(RECORD).slice(0, 100)],
    ["a list", "[]"],
    ["no bundle", JSON.stringify({ ...RECORD, bundle: undefined })],
    ["a number that is none", JSON.stringify({ ...RECORD, init: { ...RECORD.init, pid: "12" } })],
    ["a negative one", JSON.stringify({ ...RECORD, init: { ...RECORD.init, pid: -1 } })],
  ])("is refused with %s", (_, text) => {
    expect(() => parseRecord(text, "state.json")).toThrow(
      expect.objectContaining({ code: "CORRUPT" }) as Error,
    );
  });
});
