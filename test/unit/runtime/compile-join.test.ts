import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import type { Process, RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import { compileJoin, type JoinContext } from "../../../lib/runtime/compile-join.ts";

const process: Process = { user: { uid: 5, gid: 6 }, args: ["id", "-u"], cwd: "/srv" };
const spec: RuntimeSpec = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  process,
  linux: { namespaces: [{ type: "mount" }] },
};
const context: JoinContext = {
  id: "web",
  target: { pid: 12, startTicks: 345, bootId: "6-7" },
  preserveFds: 0,
  noNewKeyring: false,
  filters: "/filters",
  keepsGroups: false,
  state: '{"pid":',
};

describe("compileJoin", () => {
  it("enters the container, and has nothing that was not asked for", () => {
    expect(formatPlan(compileJoin(process, spec, context))).toBe(
      [
        'target 12 345 "6-7"',
        'keyring "_ses.web"',
        'user "5:6" [] 5',
        'workdir "/srv"',
        "capabilities 0x0 0x0 0x0 0x0 0x0",
        "umask 022",
        "environment []",
        'command ["id","-u"]',
        "",
      ].join("\n"),
    );
  });

  it("has what was asked for before the command", () => {
    const whole: Process = {
      ...process,
      terminal: true,
      consoleSize: { width: 80, height: 24 },
      oomScoreAdj: 100,
      execCPUAffinity: { initial: "0", final: "1-2" },
      ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
      noNewPrivileges: true,
      user: { uid: 5, gid: 6, additionalGids: [7], umask: 0o77 },
      capabilities: { bounding: ["CAP_CHOWN"] },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }],
    };
    const asked = {
      ...context,
      consoleSocket: "/socket",
      cgroupDirectory: "/group",
      preserveFds: 2,
      noNewKeyring: true,
    };

    expect(formatPlan(compileJoin(whole, spec, { ...asked, keepsGroups: true }))).toBe(
      [
        'target 12 345 "6-7"',
        'cpu-affinity "0" "1-2"',
        'cgroup-directory "/group"',
        'console-socket "/socket"',
        "preserve-fds 2",
        'oom-score-adj "100"',
        "io-priority 24576",
        "terminal 80 24",
        'user "5:6" ["7"] 7',
        'workdir "/srv"',
        "capabilities 0x1 0x0 0x0 0x0 0x0",
        "no-new-privileges",
        'rlimit "nofile" 7 10 20',
        "umask 077",
        "environment []",
        'command ["id","-u"]',
        "",
      ].join("\n"),
    );
  });

  it("has the container's filter", () => {
    const filtered: RuntimeSpec = {
      ...spec,
      linux: { ...spec.linux, seccomp: { defaultAction: "SCMP_ACT_ALLOW" } },
    };

    expect(compileJoin(process, filtered, context)).toContainEqual([
      "seccomp",
      expect.stringMatching(/^\/filters\/[0-9a-f]{64}\.bpf$/),
    ]);
  });
});
