import {
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type CgroupRequest,
  awaitsProcess,
  cgroupPids,
  freezeCgroup,
  prepareCgroup,
  removeCgroup,
} from "../../../lib/bundles/cgroup.ts";
import { canEnter, findCgroupHost, writeGroupFile } from "../../../lib/bundles/cgroup-host.ts";
import type { CgroupState } from "../../../lib/bundles/cgroup-state.ts";
import type { Resources, RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

/** Directories that stand in for the tree of a machine: files in them are ordinary ones. */
async function standIn(files: readonly string[] = ["cgroup.procs"]): Promise<string> {
  const mount = await temporaryFolder();
  for (const file of files) writeFileSync(join(mount, file), "");
  mkdirSync(join(mount, "me"));
  writeFileSync(join(mount, "me", "cgroup.procs"), "");
  return mount;
}

interface Asked {
  mount?: string | undefined;
  own?: string | undefined;
  path?: string;
  resources?: Resources;
  annotations?: Record<string, string>;
  manager?: CgroupRequest["manager"];
  isRequired?: boolean;
}

async function prepare(asked: Asked): Promise<{
  state: CgroupState | undefined;
  told: string[];
  intended: (CgroupState | undefined)[];
}> {
  const { mount, own = "/me", path, resources, annotations, manager, isRequired = false } = asked;
  const told: string[] = [];
  const intended: (CgroupState | undefined)[] = [];
  const state = await prepareCgroup({
    id: "web",
    spec: specOf({ path, resources, annotations }),
    manager,
    isRequired,
    onWarning: (text) => told.push(text),
    onIntended: async (one) => void intended.push(one),
    host: { mount, own },
  });
  return { state, told, intended };
}

function specOf(asked: {
  path?: string | undefined;
  resources?: Resources | undefined;
  annotations?: Record<string, string> | undefined;
}): RuntimeSpec {
  const { path, resources, annotations = {} } = asked;
  return {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: { user: { uid: 0, gid: 0 }, args: ["true"], cwd: "/" },
    annotations,
    linux: { namespaces: [], cgroupsPath: path, resources },
  } as unknown as RuntimeSpec;
}

const MEMORY = { memory: { limit: 100 } };

it("writes to no file of another group", async () => {
  const mount = await standIn();
  const name = "x/../../cgroup.procs";
  mkdirSync(join(mount, "me", "x"));
  expect(() => writeGroupFile(join(mount, "me"), name, "1")).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      details: expect.objectContaining({ file: name }),
    }),
  );
  expect(readFileSync(join(mount, "cgroup.procs"), "utf8")).toBe("");
});

describe("the control group of a bundle's container", () => {
  it("is made where config.json says, with what leads there, and taken away with that", async () => {
    const mount = await standIn();

    const { state, told, intended } = await prepare({ mount, path: "/pod/web" });

    const expected = {
      manager: "cgroupfs",
      directory: join(mount, "pod/web"),
      made: [join(mount, "pod"), join(mount, "pod/web")],
    };
    expect(state).toEqual({ ...expected, inode: statSync(expected.directory).ino });
    expect(intended).toEqual([expected]);
    expect(told).toEqual([]);
    expect(awaitsProcess(state!)).toBe(false);
    await removeCgroup(state!);
    expect(existsSync(join(mount, "pod"))).toBe(false);
    await removeCgroup(state!);
  });

  it("goes without what was there before, or is used by others", async () => {
    const mount = await standIn();
    mkdirSync(join(mount, "old"));
    const { state: one } = await prepare({ mount, path: "/old/new/one" });
    const { state: other } = await prepare({ mount, path: "/old/new/other" });

    await removeCgroup(one!);

    expect(existsSync(join(mount, "old/new/other"))).toBe(true);
    await removeCgroup(other!);
    expect(readdirSync(join(mount, "old"))).toEqual(["new"]); // made for the one that went first
  });

  it("is let be where it is another's by that name meanwhile", async () => {
    const mount = await standIn();
    const { state } = await prepare({ mount, path: "/pod/web" });
    const { directory = "" } = state!;
    writeFileSync(join(directory, "cgroup.kill"), "0");

    await removeCgroup({ ...state!, inode: statSync(directory).ino + 1 });

    expect(readFileSync(join(directory, "cgroup.kill"), "utf8")).toBe("0");
  });

  it("is let be where whoever meant to make it was killed before, unless it is empty", async () => {
    const mount = await standIn();
    const { intended } = await prepare({ mount, path: "/pod/web" });
    mkdirSync(join(mount, "pod/web/of-another"));

    await removeCgroup(intended[0]!);
    expect(existsSync(join(mount, "pod/web/of-another"))).toBe(true);

    rmdirSync(join(mount, "pod/web/of-another"));
    await removeCgroup(intended[0]!);
    expect(existsSync(join(mount, "pod"))).toBe(false);
  });

  it("gives the groups below what their parents have", async () => {
    const mount = await standIn(["cgroup.procs", "cgroup.subtree_control"]);
    writeFileSync(join(mount, "cgroup.controllers"), "memory\n");

    await prepare({ mount, path: "/a" });

    expect(readFileSync(join(mount, "cgroup.subtree_control"), "utf8")).toBe("+memory");
  });

  it("has the limits of config.json before anything is in it", async () => {
    const mount = await standIn();
    mkdirSync(join(mount, "web"));
    for (const file of ["memory.max", "pids.max"]) writeFileSync(join(mount, "web", file), "");

    const { told } = await prepare({
      mount,
      path: "/web",
      resources: { ...MEMORY, pids: { limit: 9 } },
    });

    expect(told).toEqual([]);
    expect(readFileSync(join(mount, "web/memory.max"), "utf8")).toBe("100");
    expect(readFileSync(join(mount, "web/pids.max"), "utf8")).toBe("9");
  });

  it("says in one sentence which limits it has no means for", async () => {
    const mount = await standIn();

    const { told } = await prepare({
      mount,
      path: "/web",
      resources: { ...MEMORY, cpu: { shares: 5 } },
    });

    expect(told).toEqual([
      `limits are not applied (memory.limit, cpu.shares): control group ${mount}/web has no means for them`,
    ]);
    expect(readdirSync(join(mount, "web"))).toEqual([]); // no file is made where there is none
  });

  it.each([
    ["the option", { isRequired: true }],
    ["the annotation", { annotations: { "io.marmita.require": "seccomp, resources" } }],
  ])("fails with the fields where %s demands them, and leaves nothing", async (_name, how) => {
    const mount = await standIn();

    const made = prepare({ mount, path: "/web/deep", resources: MEMORY, ...how });

    await expect(made).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: { fields: ["linux.resources.memory.limit"] },
    });
    expect(readdirSync(mount).toSorted()).toEqual(["cgroup.procs", "me"]);
  });

  it("fails for a file of `unified` that is not there", async () => {
    const mount = await standIn();

    const made = prepare({ mount, path: "/web", resources: { unified: { "rdma.max": "x" } } });

    await expect(made).rejects.toMatchObject({
      code: "UNSUPPORTED",
      details: { field: "linux.resources.unified.rdma.max" },
    });
    expect(existsSync(join(mount, "web"))).toBe(false);
  });

  it.each([
    ["processes", "cgroup.events", "populated 1\nfrozen 0\n"],
    ["a freezer that is on", "cgroup.events", "populated 0\nfrozen 1\n"],
  ])("is not one with %s", async (_name, file, text) => {
    const mount = await standIn();
    mkdirSync(join(mount, "web"));
    writeFileSync(join(mount, "web", file), text);

    const intended: unknown[] = [];
    const made = prepareCgroup({
      id: "web",
      spec: specOf({ path: "/web" }),
      isRequired: false,
      onWarning: () => undefined,
      onIntended: async (state) => void intended.push(state),
      host: { mount, own: "/me" },
    });

    await expect(made).rejects.toMatchObject({ code: "CONFLICT" });
    expect(intended).toEqual([]); // nobody takes it for his own to empty
    expect(readdirSync(join(mount, "web"))).toEqual([file]);
  });

  it("is one container's while that is made, and nobody else's to undo", async () => {
    const mount = await standIn();
    mkdirSync(join(mount, "web"));
    writeFileSync(join(mount, "web/cgroup.procs"), "");
    const locks: number[] = [];
    const intended: unknown[] = [];
    const request: CgroupRequest = {
      id: "web",
      spec: specOf({ path: "/web" }),
      isRequired: false,
      onWarning: () => undefined,
      onIntended: async (state) => void intended.push(state),
      onLocked: (lock) => locks.push(lock),
      host: { mount, own: "/me" },
    };
    await prepareCgroup(request);

    await expect(prepareCgroup(request)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(locks).toHaveLength(1);
    expect(intended.at(-1)).toBeUndefined();

    closeSync(locks[0]!);
    await prepareCgroup(request);
    expect(locks).toHaveLength(2);
    closeSync(locks[1]!);
  });

  it("is not there on a host without version 2, without a word", async () => {
    expect(await prepare({ path: "/web" })).toEqual({ state: undefined, told: [], intended: [] });
    expect(await prepare({ path: "a.slice:b:c" })).toEqual({
      state: undefined,
      told: [],
      intended: [],
    });
  });

  it("is not there on such a host with one warning for all limits", async () => {
    const { state, told } = await prepare({ resources: { ...MEMORY, pids: { limit: 4 } } });

    expect(state).toBeUndefined();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("(memory.limit, pids.limit): this host has no control groups");
    await expect(prepare({ resources: MEMORY, isRequired: true })).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });

  it("is none when that is asked for", async () => {
    const mount = await standIn();

    const { state } = await prepare({ mount, path: "/web", manager: "disabled" });

    expect(state).toBeUndefined();
    expect(readdirSync(mount).toSorted()).toEqual(["cgroup.procs", "me"]);
  });

  it("is at the top where nobody chose, else beside ours, else below it", async () => {
    const top = await standIn();
    expect((await prepare({ mount: top })).state?.directory).toBe(join(top, "marmita-web"));

    const beside = await standIn([]);
    mkdirSync(join(beside, "slice/me"), { recursive: true });
    writeFileSync(join(beside, "slice/cgroup.procs"), "");
    expect((await prepare({ mount: beside, own: "/slice/me" })).state?.directory).toBe(
      join(beside, "slice/marmita-web"),
    );

    const below = await standIn([]);
    expect((await prepare({ mount: below })).state?.directory).toBe(join(below, "me/marmita-web"));
  });

  it("is ours alone where nothing is ours to write to, with a warning only for limits", async () => {
    const mount = await temporaryFolder();

    expect(await prepare({ mount })).toMatchObject({ state: undefined, told: [] });
    expect((await prepare({ mount, resources: MEMORY })).told).toHaveLength(1);
    expect((await prepare({ mount, path: "/web", resources: MEMORY })).told).toEqual([
      "limits are not applied (memory.limit): control group /web cannot be made: permission denied",
    ]);
  });

  it("is systemd's where limits are asked for, the top is not ours, and systemd is there", async () => {
    const mount = await standIn([]);
    const host = { mount, own: "/me", hasUserBus: true };
    const managerOf = async (resources: Resources, path?: string) => {
      const spec = specOf({ path, resources });
      const request = { id: "web", spec, isRequired: false, onWarning: () => undefined, host };
      return (await prepareCgroup(request))?.manager;
    };

    expect(await managerOf(MEMORY)).toBe("systemd");
    expect(await managerOf({ memory: { limit: -1 } })).toBe("cgroupfs");
    expect(await managerOf(MEMORY, "/me/web")).toBe("cgroupfs");
    writeFileSync(join(mount, "cgroup.procs"), "");
    expect(await managerOf(MEMORY)).toBe("cgroupfs");
  });

  it("of systemd is another's as long as nobody has seen it: no unit is stopped", async () => {
    // There is no such bus: whoever asked it would be told so.
    const state = { manager: "systemd", unit: "a-b.scope", isUser: true } as const;

    await expect(removeCgroup(state)).resolves.toBeUndefined();
  });

  it("of systemd waits for a process, and is checked before", async () => {
    const mount = await standIn();

    const { state } = await prepare({ mount, path: ":a:b" });

    expect(state).toMatchObject({ manager: "systemd", unit: "a-b.scope" });
    expect(awaitsProcess(state!)).toBe(true);
    await expect(
      prepare({ mount, path: ":a:b", resources: { memory: { swap: 3 } } }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(prepare({ mount, path: "/a", manager: "systemd" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("counts the processes in it and below it", async () => {
    const directory = await temporaryFolder();
    mkdirSync(join(directory, "below"));
    writeFileSync(join(directory, "cgroup.procs"), "12\n0\n");
    writeFileSync(join(directory, "below/cgroup.procs"), "7\n");

    const inode = statSync(directory).ino;
    expect(cgroupPids({ manager: "cgroupfs", directory, inode })).toEqual([7, 12]);
    expect(cgroupPids({ manager: "cgroupfs", directory, inode: inode + 1 })).toBeUndefined();
    expect(cgroupPids({ manager: "cgroupfs", directory })).toBeUndefined();
    expect(cgroupPids({ manager: "cgroupfs" })).toBeUndefined();
  });

  it("has no freezer where there is none", async () => {
    const directory = await temporaryFolder();

    const inode = statSync(directory).ino;
    expect(await freezeCgroup({ manager: "cgroupfs", directory, inode }, true)).toBe(false);
    expect(await freezeCgroup({ manager: "systemd" }, true)).toBe(false);
  });

  it("stands still when the kernel says so", async () => {
    const directory = await temporaryFolder();
    writeFileSync(join(directory, "cgroup.freeze"), "0");
    writeFileSync(join(directory, "cgroup.events"), "frozen 0\n");
    const inode = statSync(directory).ino;
    const kernel = setInterval(() => {
      const isOn = readFileSync(join(directory, "cgroup.freeze"), "utf8") === "1";
      writeFileSync(join(directory, "cgroup.events"), `frozen ${isOn ? 1 : 0}\n`);
    }, 5);
    onTestFinished(() => clearInterval(kernel));

    expect(await freezeCgroup({ manager: "cgroupfs", directory, inode }, true)).toBe(true);
    expect(readFileSync(join(directory, "cgroup.events"), "utf8")).toBe("frozen 1\n");
    expect(await freezeCgroup({ manager: "cgroupfs", directory, inode }, false)).toBe(true);
  });
});

describe("the tree of control groups", () => {
  it("of version 2 is not seen in any directory", async () => {
    expect(findCgroupHost(await temporaryFolder()).mount).toBeUndefined();
    expect(findCgroupHost("/no/such").mount).toBeUndefined();
  });

  it("can be entered where what both groups are below is ours to write", async () => {
    const mount = await standIn([]);
    mkdirSync(join(mount, "a/b"), { recursive: true });
    writeFileSync(join(mount, "a/cgroup.procs"), "");

    expect(canEnter({ mount, own: "/a/b" }, "/a/c")).toBe(true);
    expect(canEnter({ mount, own: "/a/b" }, "/ab/c")).toBe(false);
    expect(canEnter({ mount, own: undefined }, "/a/c")).toBe(false);
    expect(canEnter({ own: "/a" }, "/a/c")).toBe(false);
  });
});
