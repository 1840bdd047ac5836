import { describe, expect, it } from "vitest";
import { closest } from "../../../lib/cli/suggest.ts";

const known = ["run", "rm", "images", "inspect", "ps", "read-only", "interactive", "volume"];

describe("what was meant", () => {
  it.each([
    ["runn", "run"],
    ["imgaes", "images"],
    ["inspct", "inspect"],
    ["readonly", "read-only"],
    ["volumes", "volume"],
    ["interacitve", "interactive"],
  ])("by %s is %s", (typed, meant) => {
    expect(closest(typed, known)).toBe(meant);
  });

  it.each(["x", "rx", "", "bogus", "detach", "pulled"])("by %j cannot be told", (typed) => {
    expect(closest(typed, known)).toBeUndefined();
  });
});
