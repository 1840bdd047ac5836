import { describe, expect, it } from "vitest";
import { mountContext } from "../../../lib/runtime/labels.ts";

const LABEL = "system_u:object_r:container_file_t:s0";

describe("the label of new file systems", () => {
  it.each([
    ["a machine with SELinux", LABEL, true, `context=${LABEL}`, 0],
    ["one without, which says so", LABEL, false, undefined, 1],
    ["none, on any machine", undefined, false, undefined, 0],
    ["an empty one", "", true, undefined, 0],
  ])("is an option of mounts: %s", (_, label, hasSelinux, option, warnings) => {
    const told: string[] = [];

    expect(mountContext(label, (text) => void told.push(text), { hasSelinux })).toBe(option);
    expect(told).toHaveLength(warnings);
  });
});
