import { describe, expect, it } from "vitest";
import {
  chooseManager,
  defaultName,
  parseCgroupsPath,
  parseSystemdPath,
} from "../../../lib/bundles/cgroup-path.ts";

describe("linux.cgroupsPath", () => {
  it.each([
    ["/a/b", "/a/b"],
    ["a/b", "/a/b"],
    ["//a/./b/", "/a/b"],
    ["/a:b/c", "/a:b/c"],
  ])("%j is the group %j", (path, group) => {
    expect(parseCgroupsPath(path)).toBe(group);
  });

  it.each(["/", ".", "/a/../b", "..", "/a\nb", "/a\0b", `/${"x".repeat(256)}`])(
    "%j is refused",
    (path) => {
      expect(() => parseCgroupsPath(path)).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          details: { field: "linux.cgroupsPath", value: path },
        }),
      );
    },
  );

  it.each([
    ["user.slice:libpod:42", undefined, "systemd"],
    [":libpod:42", undefined, "systemd"],
    ["/a:b:c", undefined, "cgroupfs"],
    ["/a", undefined, "cgroupfs"],
    [undefined, undefined, "cgroupfs"],
    ["/a", "systemd", "systemd"],
    ["a:b:c", "disabled", "disabled"],
  ] as const)("%j is for the right manager", (path, asked, manager) => {
    expect(chooseManager(path, asked)).toBe(manager);
  });

  it.each([
    ["user.slice:libpod:42", true, { slice: "user.slice", unit: "libpod-42.scope" }],
    [":libpod:42", true, { slice: "user.slice", unit: "libpod-42.scope" }],
    [":libpod:42", false, { slice: "system.slice", unit: "libpod-42.scope" }],
    ["a-b.slice::42", false, { slice: "a-b.slice", unit: "42.scope" }],
    [undefined, false, { slice: "system.slice", unit: "marmita-web.scope" }],
    ["", true, { slice: "user.slice", unit: "marmita-web.scope" }],
  ])("%j is a scope of systemd's", (path, isUser, place) => {
    expect(parseSystemdPath(path, { id: "web", isUser })).toEqual(place);
  });

  it.each([
    "/a/b",
    "a.slice:b",
    "a:b:c:d",
    "a.slice:b:c d",
    "a.scope:b:c",
    `a.slice:${"b".repeat(250)}:c`,
  ])("%j is no scope", (path) => {
    expect(() => parseSystemdPath(path, { id: "web", isUser: true })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("names a scope of any id as systemd can", () => {
    const { unit } = parseSystemdPath(undefined, { id: "a+b", isUser: true });

    expect(unit).toBe("marmita-a\\x2bb.scope");
  });

  it("tells long ids apart", () => {
    const [one, other] = [defaultName(`${"x".repeat(1000)}1`), defaultName(`${"x".repeat(1000)}2`)];

    expect(one.length).toBeLessThanOrEqual(255);
    expect(one).not.toBe(other);
    expect(parseSystemdPath(undefined, { id: "+".repeat(1024), isUser: true }).unit).toHaveLength(
      255,
    );
  });
});
