import { describe, expect, it } from "vitest";
import { systemPaths } from "../../../lib/runtime/system-paths.ts";

describe("the kernel's files in a container", () => {
  it("are hidden and read-only as Docker has them", () => {
    const { masked, readOnly } = systemPaths("default", ["/sys/x"]);

    expect(masked).toEqual(expect.arrayContaining(["/proc/kcore", "/sys/firmware", "/sys/x"]));
    expect(readOnly).toContain("/proc/sys");
  });

  it.each(["unconfined" as const, { unmask: ["all"] }])("are all to be seen with %j", (option) => {
    expect(systemPaths(option, ["/sys/x"])).toEqual({ masked: [], readOnly: [] });
  });

  it.each([
    ["one path", "/proc/kcore", ["/proc/kcore"]],
    ["a pattern", "/proc/sched_*", ["/proc/sched_debug"]],
    ["one letter", "/proc/kcor?", ["/proc/kcore"]],
    ["some letters", "/proc/[jk]core", ["/proc/kcore"]],
    ["a star, which ends at a slash", "/sys/*", ["/sys/firmware"]],
    ["a dot, which is a dot", "/proc.kcore", []],
  ])("are to be seen by %s", (_what, pattern, seen) => {
    const all = systemPaths("default").masked;

    const { masked } = systemPaths({ unmask: [pattern] });

    expect(all.filter((path) => !masked.includes(path))).toEqual(seen);
  });

  it("are hidden beside the usual ones", () => {
    const { masked } = systemPaths({ mask: ["/proc/uptime", "/proc/kcore"] });

    expect(masked.filter((path) => path === "/proc/kcore")).toHaveLength(1);
    expect(masked).toContain("/proc/uptime");
    expect(systemPaths({ mask: ["/a"], unmask: ["ALL"] }).masked).toEqual(["/a"]);
  });
});
