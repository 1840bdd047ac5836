import { describe, expect, it } from "vitest";
import { closest } from "../../../lib/util/closest.ts";

describe("closest", () => {
  it.each([
    ["kill", ["kill", "mill"]],
    ["kil", ["kill", "mill"]],
    ["klil", ["kill"]],
    ["mil", ["mill", "kill"]],
    ["mount", []],
    ["", []],
  ])("finds for %j %j", (word, expected) => {
    expect(closest(word, ["kill", "mill", "windmill"])).toEqual(expected);
  });
});
