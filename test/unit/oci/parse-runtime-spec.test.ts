import { describe, expect, it } from "vitest";
import { parseProcess, parseRuntimeSpec } from "../../../lib/oci/parse-runtime-spec.ts";

const PROCESS = { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" };
const LEAST = { ociVersion: "1.2.0", root: { path: "rootfs" }, process: PROCESS };

const parse = (changes: object) => parseRuntimeSpec(JSON.stringify({ ...LEAST, ...changes }));

/** What `parse()` throws for these changes. */
function thrown(changes: object): unknown {
  try {
    return parse(changes);
  } catch (error) {
    return error;
  }
}

describe("parseRuntimeSpec", () => {
  it("takes the least there can be", () => {
    expect(parse({})).toEqual({ ...LEAST, linux: { namespaces: [] } });
  });

  it("names a variable that has no value", () => {
    expect(thrown({ process: { ...PROCESS, env: ["A=", "FOO"] } })).toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "process.env[1]" },
    });
  });

  it("passes over what the specification does not know", () => {
    const spec = parse({ windows: {}, unknown: [1], process: { ...PROCESS, unknown: null } });

    expect(spec).toEqual({ ...LEAST, linux: { namespaces: [] } });
  });

  it("takes null and empty texts for absent, as Go writes them", () => {
    const spec = parse({ hostname: "", mounts: null, linux: { namespaces: [], mountLabel: "" } });

    expect(spec).toEqual({ ...LEAST, linux: { namespaces: [] } });
  });

  it.for([undefined, null, {}])("takes %j as a user for root, as the others do", (user) => {
    const process = { args: ["sh"], cwd: "/", user };

    expect(parse({ process }).process.user).toEqual({ uid: 0, gid: 0 });
    expect(parseProcess(JSON.stringify(process), "it").user).toEqual({ uid: 0, gid: 0 });
  });

  it("holds numbers of 64 bits exactly", () => {
    const text = JSON.stringify({ ...LEAST, annotations: { a: "[18446744073709551615]" } });
    const limits =
      '"rlimits":[{"type":"RLIMIT_AS","soft":9007199254740993,"hard":18446744073709551615}]';
    const spec = parseRuntimeSpec(text.replace('"cwd":"/"', `"cwd":"/",${limits}`));

    expect(spec.annotations).toEqual({ a: "[18446744073709551615]" });
    expect(spec.process.rlimits).toEqual([
      { type: "RLIMIT_AS", soft: 9_007_199_254_740_993n, hard: 18_446_744_073_709_551_615n },
    ]);
  });

  it.for(["1.0.0", "1.0.2-dev", "1.2.1", "1.9.0+build.5"])("takes version %s", (ociVersion) => {
    expect(parse({ ociVersion }).ociVersion).toBe(ociVersion);
  });

  it.for(["0.9.0", "2.0.0"])("refuses version %s", (ociVersion) => {
    expect(thrown({ ociVersion })).toMatchObject({
      code: "UNSUPPORTED",
      details: { field: "ociVersion" },
    });
  });

  it.for(["netDevices", "memoryPolicy"])("refuses %s, which a later version has", (name) => {
    expect(thrown({ linux: { namespaces: [], [name]: { a: {} } } })).toMatchObject({
      code: "UNSUPPORTED",
      details: { field: `linux.${name}` },
    });
    expect(parse({ linux: { namespaces: [], [name]: {} } }).linux).toEqual({ namespaces: [] });
  });

  it.for([
    ["ociVersion", { ociVersion: "1.2" }],
    ["ociVersion", { ociVersion: undefined }],
    ["root", { root: undefined }],
    ["root.path", { root: {} }],
    ["root.path", { root: { path: "" } }],
    ["root.path", { root: { path: "a\0b" } }],
    ["root.readonly", { root: { path: "rootfs", readonly: "yes" } }],
    ["process", { process: undefined }],
    ["process.args", { process: { ...PROCESS, args: [] } }],
    ["process.args[0]", { process: { ...PROCESS, args: [1] } }],
    ["process.cwd", { process: { ...PROCESS, cwd: "tmp" } }],
    ["process.user.uid", { process: { ...PROCESS, user: { uid: 0xffff_ffff, gid: 0 } } }],
    ["process.user.gid", { process: { ...PROCESS, user: { uid: 0, gid: -1 } } }],
    ["process.oomScoreAdj", { process: { ...PROCESS, oomScoreAdj: 1001 } }],
    ["process.scheduler.policy", { process: { ...PROCESS, scheduler: { policy: "FIFO" } } }],
    ["process.rlimits[0].hard", { process: { ...PROCESS, rlimits: [{ type: "A", soft: 1 }] } }],
    ["hooks.poststop[0].path", { hooks: { poststop: [{ path: "true" }] } }],
    ["hooks.prestart[0].timeout", { hooks: { prestart: [{ path: "/x", timeout: 0 }] } }],
    ["hostname", { hostname: "ü".repeat(33) }],
    ["mounts", { mounts: {} }],
    ["mounts[0].destination", { mounts: [{ source: "a" }] }],
    ["mounts[0]", { mounts: [{ destination: "/a", uidMappings: [line(0)] }] }],
    ["linux.namespaces", { linux: { namespaces: [{ type: "pid" }, { type: "pid" }] } }],
    ["linux.namespaces[0].type", { linux: { namespaces: [{ type: "net" }] } }],
    ["linux.namespaces[0].path", { linux: { namespaces: [{ type: "pid", path: "1" }] } }],
    ["linux.uidMappings[0]", { linux: { uidMappings: [line(0xffff_fffe)] } }],
    ["linux.devices[0]", { linux: { devices: [{ type: "c", path: "/dev/a" }] } }],
    ["linux.maskedPaths[0]", { linux: { maskedPaths: ["proc"] } }],
    ['linux.sysctl["a"]', { linux: { sysctl: { a: 1 } } }],
    ['annotations[""]', { annotations: { "": "a" } }],
    ["linux.resources.memory.limit", { linux: { resources: { memory: { limit: 1.5 } } } }],
    [
      "linux.resources.hugepageLimits[0].pageSize",
      { linux: { resources: { hugepageLimits: [{ pageSize: "x/../../memory", limit: 1 }] } } },
    ],
    ["linux.resources.rdma", { linux: { resources: { rdma: { "../mlx4_0": {} } } } }],
    ["linux.timeOffsets", { linux: { timeOffsets: [] } }],
  ] as const)("names %s where it is wrong", ([field, changes]) => {
    expect(thrown(changes)).toMatchObject({ code: "INVALID_ARGUMENT", details: { field } });
  });

  it.for([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no object either", "null"],
    ["too long", " ".repeat((8 << 20) + 1)],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d)],
    ["very deep", "[".repeat(1e6) + "]".repeat(1e6)],
  ] as const)("refuses what is %s", ([, config]) => {
    expect(() => parseRuntimeSpec(config)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", details: { field: "" } }) as Error,
    );
  });
});

function line(hostID: number) {
  return { containerID: 0, hostID, size: 2 };
}
