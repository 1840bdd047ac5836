import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { findPlace } from "../../../lib/cli/code-cache-place.ts";

const name = (entry: string, ...args: string[]) => {
  return basename(findPlace("b", { entry, args }, { HOME: "/home/u" })?.file ?? "");
};

describe("the file of the code cache", () => {
  it.each([
    ["main.js", ["run", "busybox"], "run"],
    ["main.js", ["--root", "run", "image", "ls"], "image-ls"],
    ["runtime.js", ["--log", "list", "--log-format=json", "state", "c"], "runtime-state"],
    ["runtime.js", ["--root", "/r", "--cgroup-manager", "systemd", "create"], "runtime-create"],
    ["runtime.js", ["../../x"], "runtime-other"],
  ])("is one for each command of each program: %s %j", (entry, args, expected) => {
    expect(name(entry, ...args)).toBe(expected);
  });
});
