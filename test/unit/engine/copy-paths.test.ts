import { describe, expect, it } from "vitest";
import { parseCopyPath } from "../../../lib/engine/copy-paths.ts";

describe("a path to copy", () => {
  it.each([
    ["/etc/hosts", "/etc/hosts", "hosts"],
    ["etc/hosts", "/etc/hosts", "hosts"],
    ["etc/", "/etc/", "etc"],
    ["/etc/.", "/etc/", ""],
    ["/etc/./x", "/etc/x", "x"],
    ["a/../b", "/b", "b"],
    ["a/b/..", "/a/", "a"],
    ["/..", "/", ""],
    ["/", "/", ""],
    [".", "/", ""],
    ["..a", "/..a", "..a"],
    ["a.", "/a.", "a."],
    ["/ \n", "/ \n", " \n"],
  ])("%j leads to %j, and is called %j", (text, path, name) => {
    expect(parseCopyPath(text)).toEqual({ path, name });
  });

  it.each([
    ["x", "/home/ana/notes/x", "x"],
    [".", "/home/ana/notes/", ""],
    ["./", "/home/ana/notes/", "notes"],
    ["..", "/home/ana/", "ana"],
    ["/abs", "/abs", "abs"],
  ])("%j begins where we are", (text, path, name) => {
    expect(parseCopyPath(text, "/home/ana/notes")).toEqual({ path, name });
  });

  it("has characters", () => {
    expect(() => parseCopyPath("")).toThrow("a path cannot be empty");
  });
});
