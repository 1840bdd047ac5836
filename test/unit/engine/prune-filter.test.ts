import { describe, expect, it } from "vitest";
import { type PruneFilter, pruneTest } from "../../../lib/engine/prune-filter.ts";

const one = {
  created: "2026-01-01T00:00:00Z",
  labels: { keep: "", stage: "test", toString: "own" },
};

describe("what may be pruned", () => {
  it.each<[string, PruneFilter, boolean]>([
    ["all, without a filter", {}, true],
    ["what is older", { until: new Date("2026-01-02") }, true],
    ["what is older, as a text", { until: "2026-01-02" }, true],
    ["not what is younger", { until: new Date("2025-12-31") }, false],
    ["what has the label", { labels: ["keep"] }, true],
    ["what has the label with its value", { labels: ["stage=test"] }, true],
    ["not what has another value", { labels: ["stage=live"] }, false],
    ["not what has one label of two", { labels: ["keep", "other"] }, false],
    ["not what has an excepted label", { exceptLabels: ["other", "keep"] }, false],
    ["what has the excepted label with another value", { exceptLabels: ["stage=live"] }, true],
    ["not what inherits a label", { labels: ["constructor"] }, false],
  ])("is %s", (_, filter, expected) => {
    expect(pruneTest(filter)(one)).toBe(expected);
  });

  it("is nothing of unknown age, where age counts", () => {
    const created = undefined;

    expect(pruneTest({ until: new Date() })({ ...one, created })).toBe(false);
    expect(pruneTest({})({ ...one, created })).toBe(true);
  });
});
