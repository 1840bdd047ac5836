import { describe, expect, it } from "vitest";
import { closest } from "../../../lib/util/closest.ts";

const words = ["run", "rm", "images", "inspect", "ps", "read-only", "interactive", "volume"];

describe("what was meant", () => {
  it.each([
    ["runn", ["run"]],
    ["imgaes", ["images"]],
    ["inspct", ["inspect"]],
    ["readonly", ["read-only"]],
    ["volumes", ["volume"]],
    ["interacitve", ["interactive"]],
  ])("by %s is %s", (typed, meant) => {
    expect(closest(typed, words)).toEqual(meant);
  });

  it.each(["x", "rx", "", "bogus", "detach", "pulled"])("by %j cannot be told", (typed) => {
    expect(closest(typed, words)).toEqual([]);
  });

  it.each([
    ["kill", ["kill", "mill"]],
    ["mill", ["mill", "kill"]],
    ["windmlil", ["windmill"]],
  ])("by %s is %s, the nearest first", (typed, meant) => {
    expect(closest(typed, ["kill", "mill", "windmill"])).toEqual(meant);
  });
});
