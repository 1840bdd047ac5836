import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { RUN_FLAGS, RUN_REFUSED } from "../../../lib/cli/run-flags.ts";
import { confinement } from "../../../lib/cli/confine-flags.ts";

const grammar = { flags: RUN_FLAGS, refused: RUN_REFUSED, stopsAtFirstArgument: true };
const read = (line: string) => confinement(parseFlags(grammar, [...line.split(" "), "busybox"]));

describe("the flags of run that confine", () => {
  it.each([
    ["--ulimit nofile=1024", { ulimits: { nofile: { soft: 1024, hard: 1024 } } }],
    ["--ulimit nofile=1024:4096", { ulimits: { nofile: { soft: 1024, hard: 4096 } } }],
    [
      "--ulimit core=-1 --ulimit=cpu=unlimited",
      {
        ulimits: { core: { soft: -1, hard: -1 }, cpu: { soft: -1, hard: -1 } },
      },
    ],
    ["--ulimit core=0:-1", { ulimits: { core: { soft: 0, hard: -1 } } }],
    ["--ulimit nofile=1 --ulimit nofile=2", { ulimits: { nofile: { soft: 2, hard: 2 } } }],
    ["--ulimit host", {}],
    ["--oom-score-adj=-500", { oomScoreAdj: -500 }],
    [
      "--sysctl net.core.somaxconn=1024 --sysctl kernel.sem=1=2",
      {
        sysctls: { "net.core.somaxconn": "1024", "kernel.sem": "1=2" },
      },
    ],
    [
      "--shm-size 128m --domainname example.org",
      {
        shmSizeBytes: 128 * 1024 * 1024,
        domainname: "example.org",
      },
    ],
    ["--shm-size 0", {}],
    ["--umask 0027 --group-add audio --group-add 44", { umask: 0o27, groupAdd: ["audio", "44"] }],
    ["--stop-signal RTMIN+3 --stop-timeout 5", { stopSignal: "RTMIN+3", stopTimeoutMs: 5_000 }],
    ["--stop-timeout=-1", { stopTimeoutMs: -1 }],
    ["--annotation a=b=c --annotation d", { annotations: { a: "b=c", d: "" } }],
    [
      "--pid host --ipc none --uts=host --cgroupns host",
      {
        pid: "host",
        ipc: "none",
        uts: "host",
        cgroupns: "host",
      },
    ],
    ["--pid container:web --ipc container:4f", { pid: "container:web", ipc: "container:4f" }],
    [
      "--device /dev/fuse --device /dev/sda:/dev/xvda:rwm --device /dev/snd:rw",
      {
        devices: [
          { source: "/dev/fuse" },
          { source: "/dev/sda", target: "/dev/xvda" },
          { source: "/dev/snd" },
        ],
      },
    ],
    ["--read-only-tmpfs --init", { readOnlyTmpfs: true, init: true }],
    ["--read-only-tmpfs=false --init=false", {}],
    ["--pid= --ipc= --uts= --stop-signal= --umask= --domainname=", {}],
  ])("%s", (line, options) => {
    expect(read(line)).toEqual(options);
  });

  it.each([
    ["--ulimit nofile", 'invalid argument "nofile" for "--ulimit" flag: invalid ulimit argument'],
    ["--ulimit mood=1", "invalid ulimit type: mood"],
    ["--ulimit nofile=", "expected a whole number"],
    ["--ulimit nofile=1:2:3", "too many limit value arguments"],
    ["--ulimit nofile=2:1", "soft limit must be less than or equal to hard limit"],
    ["--ulimit nofile=-1:5", "soft limit must be less than or equal to hard limit"],
    ["--ulimit nofile=1e3", "expected a whole number"],
    ["--ulimit nofile=18446744073709551616", "expected a whole number"],
    ["--oom-score-adj 1001", "from -1000 to 1000"],
    ["--sysctl net.x", "expected NAME=VALUE"],
    ["--sysctl vm.swappiness=1", "is not allowed"],
    ["--sysctl kernel.hostname=x", "use --hostname"],
    ["--shm-size lots", "invalid size: 'lots'"],
    ["--umask 9", "expected octal digits"],
    ["--umask 1777", "expected octal digits"],
    ["--stop-signal NOPE", "invalid signal: NOPE"],
    ["--stop-signal 65", "invalid signal: 65"],
    ["--stop-timeout soon", "expected a whole number of seconds"],
    ["--pid nope", "invalid PID mode: expected host, private"],
    ["--ipc container:", "expected container:<name or id>"],
    ["--uts nope", "invalid UTS mode"],
    ["--device fuse", "expected SOURCE[:TARGET][:PERMISSIONS]"],
    ["--device /dev/a:b:rwm", "invalid device mode or path: b"],
    ["--device /dev/a:/b:/c:rwm", "expected SOURCE"],
    ["--annotation =x", "expected KEY=VALUE"],
  ])("complain of %s", (line, message) => {
    expect(() => read(line)).toThrow(
      expect.objectContaining({ exitCode: 125, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ["--pid ns:/proc/1/ns/pid", "PID mode ns:/proc/1/ns/pid is not supported yet"],
    ["--pid pod", "PID mode pod is not supported yet"],
    ["--device vendor.com/gpu=all", "--device vendor.com/gpu=all is not supported yet"],
    ["--device /dev/fuse:r", "--device with r alone is not supported yet"],
    ["--device /dev/fuse:/dev/x:wm", "--device with wm alone is not supported yet"],
    ["--uts container:web", "UTS mode container:web is not supported yet"],
    ["--annotation run.oci.handler=krun", "--annotation run.oci.handler is not supported yet"],
  ])("refuse by name %s", (line, message) => {
    expect(() => read(line)).toThrow(expect.objectContaining({ form: "refusal", message }));
  });
});
