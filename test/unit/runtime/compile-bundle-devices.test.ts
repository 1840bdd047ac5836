import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import type { Device } from "../../../lib/oci/runtime-spec.ts";
import { type DevicesInput, bundleDevices } from "../../../lib/runtime/compile-bundle-devices.ts";

function operations(devices: readonly Device[], mounts: DevicesInput["mounts"] = []): string[] {
  return formatPlan(bundleDevices({ mounts, linux: { devices } }))
    .trim()
    .split("\n");
}

const FUSE = { type: "c", path: "/dev/fuse", major: 10, minor: 229 } as const;

describe("the devices of a bundle", () => {
  it("are those that every container has, with the links", () => {
    const lines = operations([]);

    expect(lines[0]).toBe('node "/dev/null" 8630 1 3 0 0');
    expect(lines.filter((line) => line.startsWith("node"))).toHaveLength(6);
    expect(lines).toContain('symlink "/proc/self/fd" "/dev/fd"');
    expect(lines).toContain('symlink "pts/ptmx" "/dev/ptmx"');
  });

  it("are those it asks for, with modes and owners", () => {
    const asked = [
      { ...FUSE, fileMode: 0o640, uid: 1, gid: 2 },
      { type: "p", path: "/run/pipe", fileMode: 0o600 },
      { type: "b", path: "/dev/loop0", major: 7, minor: 0, fileMode: 0o160660 },
    ] as const;

    expect(operations(asked)).toEqual(
      expect.arrayContaining([
        `node "/dev/fuse" ${0o020640} 10 229 1 2`,
        `node "/run/pipe" ${0o010600} 0 0 0 0`,
        `node "/dev/loop0" ${0o060660} 7 0 0 0`,
      ]),
    );
  });

  it("may be one of those that every container has, and is there once", () => {
    const lines = operations([{ ...FUSE, path: "/dev/null", fileMode: 0o600 }]);

    expect(lines.filter((line) => line.includes("/dev/null"))).toEqual([
      `node "/dev/null" ${0o020600} 10 229 0 0`,
    ]);
  });

  it("are no others where something of its own is mounted there", () => {
    const own = { destination: "/dev/null", type: "bind", source: "/x", options: ["bind"] };

    expect(operations([], [own]).join()).not.toContain("/dev/null");
  });

  it("have to be there where /dev is a directory of the machine", () => {
    const dev = { destination: "/dev/", source: "/dev", options: ["rbind"] };

    expect(operations([FUSE], [dev])).toEqual([
      `node "/dev/fuse" ${(1 << 20) | 0o020666} 10 229 0 0`,
    ]);
  });

  it.for([
    ["linux.devices[0].type", { ...FUSE, type: "x" }],
    ["linux.devices[0].path", { ...FUSE, path: "fuse" }],
    ["linux.devices[0].major", { ...FUSE, major: 4096 }],
    ["linux.devices[0].minor", { ...FUSE, minor: -1 }],
    ["linux.devices[0].uid", { ...FUSE, uid: 2 ** 32 - 1 }],
  ] as const)("names %s where it makes no sense", ([field, device]) => {
    expect(() => operations([device as Device])).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", details: { field } }),
    );
  });
});
