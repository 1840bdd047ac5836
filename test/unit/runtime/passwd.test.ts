import { describe, expect, it } from "vitest";
import { resolveUser } from "../../../lib/runtime/passwd.ts";

const ACCOUNTS = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    "broken:x:a:b",
    "cook:x:1000:100:Cook:/home/cook:/bin/sh",
    "1000:x:0:0::/evil:",
    "short:x:7:8",
    "many:x:4294967295:0::/:",
  ].join("\n"),
  group: [
    "root:x:0:",
    "users:x:100:",
    "kitchen:x:50:cook,root",
    "bar:x:51:cook",
    "x:x:-1:cook",
  ].join("\n"),
};

describe("resolveUser", () => {
  it.each([
    ["a name, with the groups that list it", "cook", [], 1000, 100, [50, 51], "/home/cook"],
    ["a number, which is never a name", "1000", [], 1000, 100, [50, 51], "/home/cook"],
    ["a number without a line", "4242", [], 4242, 0, [], "/"],
    ["a group, which leaves the others out", "cook:bar", [], 1000, 51, [], "/home/cook"],
    ["numbers alone", "5:6", [], 5, 6, [], "/"],
    ["an empty user, who is root", "", [], 0, 0, [50], "/root"],
    ["an empty group, which is no group", "cook:", [], 1000, 100, [], "/home/cook"],
    ["a line without a home", "short", [], 7, 8, [], "/"],
  ] as const)("takes %s", (_, text, further, uid, gid, memberships, home) => {
    expect(resolveUser(text, further, ACCOUNTS)).toEqual({
      uid,
      gid,
      memberships,
      further: [],
      home,
    });
  });

  it("finds further groups by name or number, each once", () => {
    const { memberships, further } = resolveUser("cook", ["bar", "77", "users", "77"], ACCOUNTS);

    expect({ memberships, further }).toEqual({ memberships: [50, 51], further: [77] });
  });

  it.each([
    ["chef", [], { user: "chef" }],
    ["broken", [], { user: "broken" }],
    ["many", [], { user: "many" }],
    ["4294967295", [], { user: "4294967295" }],
    ["cook:nobody", [], { group: "nobody" }],
    ["cook", ["nobody"], { group: "nobody" }],
    ["0:4294967295", [], { group: "4294967295" }],
  ] as const)("does not find %s with %j", (text, further, details) => {
    expect(() => resolveUser(text, further, ACCOUNTS)).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", details }),
    );
  });

  it("refuses more groups than the helper takes", () => {
    const group = Array.from({ length: 1025 }, (_, at) => `g${at}:x:${at + 5000}:cook`).join("\n");

    expect(() => resolveUser("cook", [], { ...ACCOUNTS, group })).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });
});
