import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import type { RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import { compile } from "../../../lib/runtime/compile.ts";
import type { CompileContext } from "../../../lib/runtime/compile-context.ts";
import { rulesOf } from "../../../lib/runtime/seccomp/rules.ts";
import { resolveSecurity } from "../../../lib/runtime/security.ts";
import { createSpec } from "../../../lib/runtime/spec.ts";
import type { SpecInput } from "../../../lib/runtime/spec-input.ts";

const ID = "0123456789abcdef".repeat(4);
const BUNDLE = "/data/containers/0123";
const SUBIDS = {
  mode: "subids",
  uids: [
    { inside: 0, outside: 1500, size: 1 },
    { inside: 1, outside: 100_000, size: 65_536 },
  ],
  gids: [
    { inside: 0, outside: 1500, size: 1 },
    { inside: 1, outside: 100_000, size: 65_536 },
  ],
  setgroups: true,
} as const;
const SINGLE = {
  mode: "single",
  uids: [{ inside: 0, outside: 1500, size: 1 }],
  gids: [{ inside: 0, outside: 1500, size: 1 }],
  setgroups: false,
} as const;

function specOf(given: Partial<SpecInput> = {}): RuntimeSpec {
  return createSpec({
    id: ID,
    bundle: BUNDLE,
    image: { Cmd: ["sh"], User: "www-data" },
    options: {},
    mapping: SUBIDS,
    machineName: "machine",
    // The default filter's name depends on the kernel and the processor.
    security: resolveSecurity({ seccomp: "unconfined" }),
    ...given,
  });
}

function context(given: Partial<CompileContext> = {}): CompileContext {
  return {
    id: ID,
    title: "brave_ana",
    bundle: BUNDLE,
    live: "/data/live/0123",
    name: "/data/names/brave_ana",
    mapping: SUBIDS,
    rootfs: { kind: "overlay", lowers: ["/data/layers/top/diff", "/data/layers/base/diff"] },
    filters: "/data/seccomp",
    hasCgroup2: true,
    ...given,
  };
}

describe("compile", () => {
  it("plans a usual container", () => {
    expect(formatPlan(compile(specOf(), context()))).toMatchSnapshot();
  });

  it("names the filter by its rules, and has it read while it is in reach", () => {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW" };
    const security = resolveSecurity({ seccomp, noNewPrivileges: true });

    const plan = compile(specOf({ security }), context());

    const names = plan.map(([name]) => name);
    expect(plan).toContainEqual(["seccomp", `/data/seccomp/${rulesOf(seccomp).name}`]);
    expect(names.indexOf("seccomp")).toBeLessThan(names.indexOf("pivot"));
    expect(names).toContain("no-new-privileges");
  });

  it("lets root's containers make namespaces only when they may do all in theirs", () => {
    const root = { ...SUBIDS, mode: "root" } as const;
    const planOf = (capAdd: readonly string[]) => {
      const security = resolveSecurity({ seccomp: "unconfined", capAdd });
      return formatPlan(compile(specOf({ mapping: root, security }), context({ mapping: root })));
    };

    expect(planOf([])).toContain("/proc/sys/user/max_user_namespaces");
    expect(planOf(["SYS_ADMIN"])).not.toContain("/proc/sys/user/max_user_namespaces");
  });

  it("plans one that is read-only, on this machine's network, and removed at its end", () => {
    const options = {
      network: "host",
      readOnly: true,
      workdir: "/srv",
      mounts: [{ type: "bind", source: "/home/ana", target: "/src", readOnly: true }],
    } as const;

    const plan = compile(specOf({ options }), context({ remove: { trash: "/data/trash/0123" } }));

    expect(formatPlan(plan)).toMatchSnapshot();
  });

  it("plans one with a single id, by fuse-overlayfs, without cgroup v2", () => {
    const plan = compile(
      specOf({ mapping: SINGLE }),
      context({
        mapping: SINGLE,
        hasCgroup2: false,
        rootfs: { kind: "fuse-overlayfs", lowers: ["/l/2", "/l/1"], program: "/usr/bin/fuse-o" },
      }),
    );

    expect(formatPlan(plan)).toMatchSnapshot();
  });

  it("gives an image without layers its mount point for one", () => {
    const plan = compile(specOf(), context({ rootfs: { kind: "overlay", lowers: [] } }));

    expect(plan.find(([name]) => name === "overlay")?.[4]).toEqual([`${BUNDLE}/rootfs`]);
  });

  it("takes a root that is there already", () => {
    const plan = compile(specOf(), context({ rootfs: { kind: "directory" } }));

    expect(plan).toContainEqual(["root", `${BUNDLE}/rootfs`, 1]);
  });

  it("fills an empty root for image host", () => {
    const operations = [["symlink", "usr/bin", "/bin"]] as const;

    const plan = compile(specOf(), context({ rootfs: { kind: "host", operations } }));

    const names = plan.map(([name]) => name);
    expect(names.slice(names.indexOf("tmpfs-root")).slice(0, 3)).toEqual([
      "tmpfs-root",
      "root",
      "symlink",
    ]);
  });

  it("makes every part of image host read-only, and nothing that is mounted on it", () => {
    const overlay = (path: string) =>
      ["overlay-in", path, "/u", "/w", [path], ["userxattr"]] as const;
    const operations = [overlay("/usr"), overlay("/srv/a")];
    const mounts = [{ type: "tmpfs", target: "/srv" }] as const;

    const plan = compile(
      specOf({ options: { readOnly: true, mounts } }),
      context({ rootfs: { kind: "host", operations } }),
    );

    const end = plan.slice(plan.findIndex(([name]) => name === "mount-readonly"));
    expect(end.slice(0, 3)).toEqual([["mount-readonly", "/usr"], ["root-readonly"], ["pivot"]]);
  });

  it("leaves the caller its groups in image host, and nobody else", () => {
    const rootfs = { kind: "host", operations: [] } as const;
    const planFor = (options: SpecInput["options"]) =>
      compile(
        specOf({ image: { Cmd: ["sh"] }, keep: { uid: 1500, gid: 1500 }, options }),
        context({ rootfs }),
      );

    expect(planFor({})).toContainEqual(["user", "1500:1500", [], 3]);
    expect(planFor({ user: "0" })).toContainEqual(["user", "0", [], 1]);
    expect(planFor({ user: "dev" })).toContainEqual(["user", "dev", [], 1]);
  });

  it("lets no user namespace be made where root inside is root of this machine", () => {
    const everyId = { inside: 0, outside: 0, size: 4_294_967_295 };
    const mapping = { mode: "root", uids: [everyId], gids: [everyId], setgroups: true } as const;
    const limit = ["file", "/proc/sys/user/max_user_namespaces", 0o644, "0"];

    expect(compile(specOf({ mapping }), context({ mapping }))).toContainEqual(limit);
    expect(compile(specOf(), context())).not.toContainEqual(limit);
  });

  it("sets sysctls of the container's own namespaces", () => {
    const sysctl = { "net.ipv4.ip_unprivileged_port_start": "0" };

    expect(compile(specOf({ sysctl }), context())).toContainEqual([
      "file",
      "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      0o644,
      "0",
    ]);
  });

  it("makes a terminal when /dev is there, and before what is in it can be looked at", () => {
    const plan = compile(specOf({ options: { tty: true }, terminalSize: { rows: 50 } }), context());
    const names = plan.map(([name]) => name);

    expect(plan).toContainEqual(["terminal", 80, 50]);
    expect(names.indexOf("terminal")).toBeGreaterThan(names.lastIndexOf("mount"));
    expect(names.indexOf("terminal")).toBeLessThan(names.indexOf("mask"));
    expect(compile(specOf(), context()).map(([name]) => name)).not.toContain("terminal");
  });

  it.each([
    [undefined, 0, 0],
    [{ width: 70_000, height: -1 }, 0, 0],
    [{ width: 120, height: 0.5 }, 120, 0],
  ])("takes a console size of %o for %i times %i", (consoleSize, columns, rows) => {
    const spec = specOf();
    const process = { ...spec.process, terminal: true, ...(consoleSize && { consoleSize }) };

    expect(compile({ ...spec, process }, context())).toContainEqual(["terminal", columns, rows]);
  });

  it("refuses ids that are not the mapped namespace's", () => {
    const spec = specOf();
    const uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];

    expect(() => compile({ ...spec, linux: { ...spec.linux, uidMappings } }, context())).toThrow(
      "id 0 is not mapped here",
    );
  });

  it("refuses paths that fuse-overlayfs cannot take", () => {
    const rootfs = { kind: "fuse-overlayfs", lowers: ["/a:b"], program: "/f" } as const;

    expect(() => compile(specOf(), context({ rootfs }))).toThrow('no path with ":"');
  });
});

describe("a config.json from elsewhere", () => {
  const { process, linux, mounts = [] } = specOf();
  const mount = (one: object) => ({ mounts: [...mounts, { destination: "/x", ...one }] });

  it.each([
    ["hooks", { hooks: { prestart: [{ path: "/bin/true" }] } }],
    ["process.apparmorProfile", { process: { ...process, apparmorProfile: "docker" } }],
    ["linux.cgroupsPath", { linux: { ...linux, cgroupsPath: "/x" } }],
    ["linux.resources.memory", { linux: { ...linux, resources: { memory: { limit: 1 } } } }],
    ["linux.personality", { linux: { ...linux, personality: { domain: "LINUX32" } } }],
    [
      "domainname without a uts namespace",
      {
        domainname: "example",
        linux: { ...linux, namespaces: linux.namespaces.filter(({ type }) => type !== "uts") },
      },
    ],
    ['linux.sysctl "vm.swappiness"', { linux: { ...linux, sysctl: { "vm.swappiness": "1" } } }],
    [
      'linux.sysctl "net/../kernel/panic"',
      { linux: { ...linux, sysctl: { "net/../kernel/panic": "1" } } },
    ],
    ['linux.rootfsPropagation "shared"', { linux: { ...linux, rootfsPropagation: "shared" } }],
    [
      "linux.namespaces: pid with a path",
      { linux: { ...linux, namespaces: [{ type: "pid", path: "/proc/1/ns/pid" }] } },
    ],
    [
      "linux.namespaces without user",
      { linux: { ...linux, namespaces: [{ type: "mount" }, { type: "pid" }] } },
    ],
    ['mount of type "nfs" at /x', mount({ type: "nfs" })],
    ['mount option "ridmap" of /x', mount({ type: "bind", source: "/", options: ["ridmap"] })],
    ['mount option "idmap" of /x', mount({ type: "tmpfs", options: ["idmap"] })],
    ['mount option "rshared" of /x', mount({ type: "tmpfs", options: ["rshared"] })],
    ['mount option "mode=1" of /x', mount({ type: "bind", source: "/", options: ["mode=1"] })],
  ])("is refused for %s", (field, change) => {
    const spec = { ...specOf(), ...change } as RuntimeSpec;

    expect(() => compile(spec, context())).toThrow(`config.json: ${field} is not supported`);
  });

  it("gets the nodes of this machine, but for those that all have", () => {
    const devices = [
      { type: "c", path: "/dev/null", major: 1, minor: 3 },
      { type: "c", path: "/dev/fuse", major: 10, minor: 229 },
    ] as const;
    const spec = { ...specOf(), linux: { ...linux, devices } };

    const plan = compile(spec, context());

    expect(plan).toContainEqual(["bind", "/dev/fuse", "/dev/fuse", 4 | 8 | 32]);
    expect(plan.filter(([name, path]) => name === "bind" && path === "/dev/null")).toHaveLength(1);
    const pipe = { ...spec.linux, devices: [{ type: "p" as const, path: "/dev/pipe" }] };
    expect(() => compile({ ...spec, linux: pipe }, context())).toThrow("the pipe /dev/pipe");
  });

  it("may hold empty fields, as encoders write them", () => {
    const spec = { ...specOf(), hooks: {}, domainname: "" };

    expect(() => compile(spec, context())).not.toThrow();
  });

  it("may ask for the mount flags there are", () => {
    const options = ["rbind", "rw", "rro", "rnosuid", "nodev", "noexec", "exec"];
    const spec = { ...specOf(), ...mount({ type: "bind", source: "data", options }) };

    expect(compile(spec, context())).toContainEqual([
      "bind",
      `${BUNDLE}/data`,
      "/x",
      1 | 4 | 8 | 16,
    ]);
  });

  it.each([
    [["bind", "ro"], 4],
    [["rbind", "ro"], 1 | 4 | 64],
    [["rbind", "rro"], 1 | 4],
    [["rbind", "rro", "rw"], 1],
    [["rbind", "private"], 1],
    [["rbind", "slave"], 1 | 256 | 2048],
    [["rbind", "rslave"], 1 | 256],
    [["rbind", "shared"], 1 | 512 | 2048],
    [["rbind", "rshared"], 1 | 512],
    [["rbind", "unbindable"], 1 | 1024],
    [["rbind", "rshared", "rprivate"], 1],
    [["bind", "idmap"], 128],
  ])("may ask a bind mount for %s", (options, flags) => {
    const spec = { ...specOf(), ...mount({ type: "bind", source: "/data", options }) };

    expect(compile(spec, context())).toContainEqual(["bind", "/data", "/x", flags]);
  });
});
