import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodePlan, encodePlan, formatPlan, type Plan } from "../../../lib/native/plan.ts";

const plan: Plan = [
  ["hostname", "box"],
  ["umask", 0o22],
  ["capabilities", 0xa80425fb, 0xa80425fb, 0xa80425fb, 0, 2 ** 40],
  ["overlay", "/root", "/upper", "/work", ["/top", "/bottom"], ["userxattr"]],
  ["pivot"],
  ["command", ["echo", "", "olá"]],
];

describe("a plan", () => {
  it("decodes to what was encoded", () => {
    expect(decodePlan(encodePlan(plan))).toEqual(plan);
  });

  it("reads as one operation a line", () => {
    expect(formatPlan(plan)).toBe(
      [
        'hostname "box"',
        "umask 022",
        "capabilities 0xa80425fb 0xa80425fb 0xa80425fb 0x0 0x10000000000",
        'overlay "/root" "/upper" "/work" ["/top","/bottom"] ["userxattr"]',
        "pivot",
        'command ["echo","","olá"]',
        "",
      ].join("\n"),
    );
  });

  it("takes no NUL byte", () => {
    expect(() => encodePlan([["hostname", "a\0b"]])).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("is refused when cut short anywhere", () => {
    const bytes = encodePlan(plan);

    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodePlan(bytes.subarray(0, size))).toThrow(
        expect.objectContaining({ code: "CORRUPT" }),
      );
    }
  });

  it("has the same operations in C", () => {
    const header = readFileSync(new URL("../../../native/core/plan.h", import.meta.url), "utf8");
    const source = readFileSync(new URL("../../../lib/native/plan.ts", import.meta.url), "utf8");
    const inC = [...header.matchAll(/X\((\d+),\s*\w+,\s*"([\w-]+)",\s*"(\w*)"\)/g)];
    const inTypeScript = [...source.matchAll(/^ {2}"?([\w-]+)"?: \[(\d+), "(\w*)"\],$/gm)];

    expect(inC.length).toBeGreaterThan(30);
    expect(inTypeScript.map(([, name, code, signature]) => [code, name, signature])).toEqual(
      inC.map(([, code, name, signature]) => [code, name, signature]),
    );
  });
});
