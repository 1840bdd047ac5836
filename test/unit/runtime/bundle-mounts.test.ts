import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import {
  type BundleMountContext,
  type MappedMount,
  bundleMountOperations,
} from "../../../lib/runtime/bundle-mounts.ts";

const PLACE: BundleMountContext = {
  bundle: "/bundle",
  hasCgroup2: true,
  ownCgroups: true,
  ids: { kind: "none" },
};
const MAP = [{ containerID: 0, hostID: 1000, size: 1 }];

function operations(mount: MappedMount, context: Partial<BundleMountContext> = {}): string {
  return formatPlan(bundleMountOperations(mount, { ...PLACE, ...context }));
}

function bound(...options: readonly string[]): MappedMount {
  return { destination: "/a", source: "src", options };
}

describe("a bundle's mount", () => {
  it("of any type is a new file system", () => {
    const options = ["ro", "nosuid", "uid=1"];

    expect(operations({ destination: "/a", type: "erofs", source: "/dev/loop0", options })).toBe(
      'mount "erofs" "/dev/loop0" "/a" 3 ["ro","uid=1"]\n',
    );
    expect(operations({ destination: "/a", type: "tmpfs", options })).toBe(
      'mount "tmpfs" "tmpfs" "/a" 3 ["uid=1"]\n',
    );
  });

  it("is labelled where that has a meaning", () => {
    const label = "context=a:b";

    expect(operations({ destination: "/a", type: "tmpfs" }, { label })).toContain(
      '["context=a:b"]',
    );
    expect(operations({ destination: "/a", type: "proc" }, { label })).toContain("[]");
    expect(operations(bound("bind"), { label })).not.toContain(label);
  });

  it("is a bind by its type or an option, from the bundle on", () => {
    expect(operations(bound("bind"))).toBe('bind "/bundle/src" "/a" 0\n');
    expect(operations({ ...bound(), type: "bind" })).toBe('bind "/bundle/src" "/a" 0\n');
    expect(operations(bound("rbind", "rslave"))).toBe('bind "/bundle/src" "/a" 257\n');
  });

  it("has attributes of its own, and of all that is below", () => {
    expect(operations(bound("rbind", "ro", "rnosuid", "rdev"))).toBe(
      'mount-attributes 1 0 2 4 0 0\nbind "/bundle/src" "/a" 1\n',
    );
    expect(operations(bound("bind", "noatime", "relatime"))).toContain(
      "mount-attributes 0 112 0 0 0 0\n",
    );
    // What the source's mount forbids is nobody's to allow.
    expect(operations(bound("bind", "rw", "exec", "defaults", "async", "loud"))).toBe(
      'bind "/bundle/src" "/a" 0\n',
    );
  });

  it("maps ids by its own lines, or by the container's", () => {
    const maps = { uidMappings: MAP, gidMappings: MAP };
    const ids = { kind: "direct", uids: [{ inside: 0, outside: 5, size: 9 }], gids: [] } as const;

    expect(operations({ ...bound("rbind", "ridmap"), ...maps })).toBe(
      'bind-mapped "/bundle/src" "/a" 4097 "0 1000 1\\n" "0 1000 1\\n"\n',
    );
    expect(operations(bound("bind", "idmap=uids=0-7-1#1-9-2;gids=0-8-1"))).toBe(
      'bind-mapped "/bundle/src" "/a" 0 "0 7 1\\n1 9 2\\n" "0 8 1\\n"\n',
    );
    expect(operations(bound("bind", "idmap"), { ids })).toContain('0 "0 5 9\\n" ""');
    expect(operations(bound("bind", "idmap"), { ids: { kind: "helpers" } })).toBe(
      'bind "/bundle/src" "/a" 128\n',
    );
  });

  it("of control groups is that of its namespace, the machine's, or nothing", () => {
    const mount = { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid"] };

    expect(operations(mount)).toBe('mount "cgroup2" "cgroup" "/sys/fs/cgroup" 3 []\n');
    expect(operations(mount, { ownCgroups: false })).toBe(
      'mount-attributes 0 0 3 0 0 0\nbind "/sys/fs/cgroup" "/sys/fs/cgroup" 1\n',
    );
    expect(operations(mount, { hasCgroup2: false })).toBe('directory "/sys/fs/cgroup" 0755\n');
  });

  it("may be one that is there, changed", () => {
    const mount = { destination: "/a", options: ["remount", "rw", "sync", "nodev", "size=1"] };

    expect(operations(mount)).toBe(
      'mount-attributes 4 1 0 0 0 0\nremount "/a" 0 ["rw","sync","size=1"]\n',
    );
    expect(operations({ ...mount, options: ["remount", "bind", "ro"] })).toBe(
      'mount-attributes 1 0 0 0 0 0\nremount "/a" 1 []\n',
    );
  });

  it("begins with what was there", () => {
    const options = ["tmpcopyup", "nodev", "size=1m"];

    expect(operations({ destination: "/a", type: "tmpfs", options })).toBe(
      'mount-attributes 4 0 0 0 0 0\ntmpfs-copy "/a" ["size=1m"]\n',
    );
  });

  it("tells of what the kernel passes over for a bind", () => {
    const told: string[] = [];

    const text = operations(bound("bind", "ro", "mode=755", "size=1"), {
      warn: (one) => void told.push(one),
    });

    expect(text).toBe(operations(bound("bind", "ro")));
    expect(told).toEqual([
      'mount options "mode=755", "size=1" of /a mean nothing: a bind makes no file system',
    ]);
  });

  it.for([
    [{ destination: "/a" }, "INVALID_ARGUMENT", undefined],
    [{ destination: "/a", options: ["bind"] }, "INVALID_ARGUMENT", undefined],
    [bound("bind", "copy-symlink"), "UNSUPPORTED", "copy-symlink"],
    [bound("bind", "sync"), "UNSUPPORTED", "sync"],
    [bound("bind", "idmap"), "INVALID_ARGUMENT", "idmap"],
    [bound("bind", "idmap=uids=@0-1-2"), "INVALID_ARGUMENT", "idmap=uids=@0-1-2"],
    [{ ...bound("bind"), uidMappings: MAP }, "INVALID_ARGUMENT", "idmap"],
    [{ destination: "/a", type: "tmpfs", uidMappings: MAP }, "UNSUPPORTED", "idmap"],
    [{ destination: "/a", type: "proc", options: ["tmpcopyup"] }, "UNSUPPORTED", "tmpcopyup"],
    [{ destination: "/a", options: ["remount", "iversion"] }, "UNSUPPORTED", "remount"],
  ] as const)("is refused by name: %j", ([mount, code, option]) => {
    expect(() => operations(mount)).toThrow(
      expect.objectContaining({
        code,
        details: {
          field: "mounts",
          target: "/a",
          ...(option !== undefined && { option }),
        },
      }),
    );
  });
});
