import { describe, expect, it } from "vitest";
import type { Plan } from "../../../lib/native/plan.ts";
import { viewOperations } from "../../../lib/runtime/view.ts";

const seen = (plan: Plan) => viewOperations(plan).map((number) => plan[number]);

const ROOT: Plan = [
  ["propagation"],
  ["overlay", "/c/rootfs", "/c/upper", "/c/work", ["/l/1"], ["userxattr"]],
  ["root", "/c/rootfs", 0],
];

describe("the plan of a view", () => {
  it("makes the root and enters it, and nothing else of a container", () => {
    const plan: Plan = [
      ["container", "id", "web"],
      ["uid-map", "0 0 1\n"],
      ["namespaces", 0x7e02_0000],
      ["network", "pasta", 0, ["pasta"]],
      ...ROOT,
      ["hostname", "web"],
      ["mask", "/secret"],
      ["seccomp", "/s.bpf"],
      ["root-readonly"],
      ["pivot"],
      ["user", "0", [], 1],
      ["command", ["true"]],
    ];

    expect(seen(plan)).toEqual([...ROOT, ["root-readonly"], ["pivot"]]);
  });

  it("has what is bound and filled, unless it lies in a file system of the container's own", () => {
    const plan: Plan = [
      ["copy-up", "/v/data", "/data", "/c/.filled-0", 3],
      ["mount", "tmpfs", "tmpfs", "/dev", 34, []],
      ["bind", "/dev/null", "/dev/null", 46],
      ["symlink", "/proc/self/fd", "/dev/fd"],
      ["mount", "proc", "proc", "/proc", 14, []],
      ["file", "/proc/sys/x", 0o644, "0"],
      ["borrow", "/live", "other", "/dev/shm", "/shm"],
      ["bind", "/s", "/shm/x", 1],
      ["bind", "/v/data/_data", "/data", 1],
      ["bind", "/x", "/device", 1],
      ["bind-in", "/v/data/_data", "part", "/part", 1],
    ];

    expect(seen(plan)).toEqual([
      ["copy-up", "/v/data", "/data", "/c/.filled-0", 3],
      ["bind", "/v/data/_data", "/data", 1],
      ["bind", "/x", "/device", 1],
      ["bind-in", "/v/data/_data", "part", "/part", 1],
    ]);
  });
});
