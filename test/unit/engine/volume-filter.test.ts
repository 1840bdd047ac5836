import { describe, expect, it } from "vitest";
import { type VolumeFilters, volumeTest } from "../../../lib/engine/volume-filter.ts";

const volume = {
  name: "web-data",
  driver: "local",
  createdAt: "2026-01-01T00:00:00Z",
  labels: { keep: "", stage: "test" },
  containers: ["f00d"],
};

describe("a list of volumes", () => {
  it.each<[string, VolumeFilters, boolean]>([
    ["has all, without a filter", {}, true],
    ["has one that is used, when it is not to dangle", { dangling: false }, true],
    ["has none that is used, when it is to dangle", { dangling: true }, false],
    ["has what matches a part of the name", { names: ["data"] }, true],
    ["has what matches one of several", { names: ["^data", "^w.b"] }, true],
    ["has nothing that matches none", { names: ["^data", "x"] }, false],
    ["has those of a driver", { drivers: ["nfs", "local"] }, true],
    ["has none of another driver", { drivers: ["nfs"] }, false],
    ["has what has all labels", { labels: ["keep", "stage=test"] }, true],
    ["has nothing that lacks a label", { labels: ["keep", "stage=live"] }, false],
    ["has nothing with a label that is not wanted", { withoutLabels: ["keep"] }, false],
    ["has nothing with a label of another value", { withoutLabels: ["stage=live"] }, true],
    ["has what is older", { until: "2026-01-02" }, true],
    ["has nothing that is younger", { until: new Date("2025-12-31") }, false],
  ])("%s", (_, filters, expected) => {
    expect(volumeTest(filters)(volume)).toBe(expected);
  });

  it("refuses what is no pattern", () => {
    expect(() => volumeTest({ names: ["("] })).toThrow('malformed pattern "("');
  });
});
