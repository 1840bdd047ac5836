import { describe, expect, it } from "vitest";
import type { IdMappingLine, Linux, RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import { type BundleIdHost, chooseBundleIds } from "../../../lib/runtime/bundle-ids.ts";
import type { IdMapping } from "../../../lib/runtime/id-maps.ts";

const ALL = "000001ffffffffff";
const NONE = "0000000000000000";
const MOUNT = { type: "mount" } as const;
const USER = { type: "user" } as const;
const SUBIDS: IdMapping = {
  mode: "subids",
  uids: extents([0, 1500, 1], [1, 100_000, 65_536]),
  gids: extents([0, 1500, 1], [1, 100_000, 65_536]),
  setgroups: true,
};
const SINGLE: IdMapping = {
  mode: "single",
  uids: extents([0, 1500, 1]),
  gids: extents([0, 1500, 1]),
  setgroups: false,
  reason: "there are no ids",
};

function extents(...lines: readonly (readonly [number, number, number])[]) {
  return lines.map(([inside, outside, size]) => ({ inside, outside, size }));
}

function mapping(...lines: readonly (readonly [number, number, number])[]): IdMappingLine[] {
  return lines.map(([containerID, hostID, size]) => ({ containerID, hostID, size }));
}

interface HostFacts {
  readonly capabilities?: string;
  readonly idMap?: string;
  readonly setgroups?: string;
  readonly helpers?: readonly string[];
  readonly mapping?: IdMapping;
}

function host(facts: HostFacts = {}): BundleIdHost {
  const { capabilities = NONE, idMap = "0 0 4294967295", setgroups = "allow" } = facts;
  const { helpers = ["newuidmap", "newgidmap"], mapping: all = SUBIDS } = facts;
  const files: Readonly<Record<string, string>> = {
    "/proc/self/status": `CapPrm:\t${capabilities}\nCapEff:\t${capabilities}\n`,
    "/proc/self/uid_map": `${idMap}\n`,
    "/proc/self/gid_map": `${idMap}\n`,
    "/proc/self/setgroups": `${setgroups}\n`,
  };
  return {
    uid: 1500,
    gid: 1500,
    read: (path) => Promise.resolve(files[path]),
    hasProgram: (name) => Promise.resolve(helpers.includes(name)),
    choose: () => Promise.resolve(all),
  };
}

function specOf(linux: Partial<Linux>, mounts?: RuntimeSpec["mounts"]): RuntimeSpec {
  return {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" },
    ...(mounts !== undefined && { mounts }),
    linux: { namespaces: [MOUNT], ...linux },
  };
}

describe("chooseBundleIds", () => {
  it("stays in the namespace of who may make others in it", async () => {
    const spec = specOf({});

    const chosen = await chooseBundleIds(spec, host({ capabilities: ALL, setgroups: "deny" }));

    expect(chosen.spec).toEqual(spec);
    expect(chosen.ids).toMatchObject({ kind: "none", denySetgroups: true, isNested: false });
  });

  it("knows a namespace within another", async () => {
    const facts = { capabilities: ALL, idMap: "0 1500 1\n1 100000 65536" };

    const { ids } = await chooseBundleIds(specOf({}), host(facts));

    expect(ids).toMatchObject({ kind: "none", isNested: true });
  });

  it("grants what the caller has of capabilities, and no more", async () => {
    const { ids } = await chooseBundleIds(specOf({}), host({ capabilities: "0000000000200021" }));

    expect(ids).toMatchObject({ granted: ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN"] });
  });

  it("leaves a group of terminals that its own namespace does not have", async () => {
    const mounts = [{ destination: "/dev/pts", type: "devpts", options: ["newinstance", "gid=5"] }];
    const root = host({ capabilities: ALL, idMap: "0 1500 1" });

    const one = await chooseBundleIds(specOf({ namespaces: [MOUNT] }, mounts), root);
    const all = await chooseBundleIds(
      specOf({ namespaces: [MOUNT] }, mounts),
      host({ capabilities: ALL }),
    );

    expect(one.spec.mounts?.[0]?.options).toEqual(["newinstance"]);
    expect(all.spec.mounts?.[0]?.options).toEqual(["newinstance", "gid=5"]);
  });

  it("gives an ordinary user's bundle a user namespace with all ids", async () => {
    const { spec, ids, warnings } = await chooseBundleIds(specOf({}), host());

    expect(spec.linux.namespaces).toEqual([MOUNT, USER]);
    expect(spec.linux.uidMappings).toEqual(mapping([0, 1500, 1], [1, 100_000, 65_536]));
    expect(ids).toEqual({
      kind: "helpers",
      uids: SUBIDS.uids,
      gids: SUBIDS.gids,
      denySetgroups: false,
    });
    expect(warnings).toEqual([]);
  });

  it("gives the one id there is, and leaves the group of terminals that is not", async () => {
    const options = ["mode=0620", "gid=5"];
    const mounts = [{ destination: "/dev/pts", type: "devpts", options }];

    const { spec, ids, warnings } = await chooseBundleIds(
      specOf({}, mounts),
      host({ mapping: SINGLE }),
    );

    expect(ids).toMatchObject({ kind: "direct", denySetgroups: true });
    expect(spec.mounts).toEqual([
      { destination: "/dev/pts", type: "devpts", options: ["mode=0620"] },
    ]);
    expect(warnings).toEqual(["one id is mapped: there are no ids"]);
  });

  it("is told of a namespace by the process that it is named by", async () => {
    const options = ["mode=0620", "gid=5"];
    const mounts = [{ destination: "/dev/pts", type: "devpts", options }];
    const namespaces = [MOUNT, { type: "user", path: "/proc/12/ns/user" }] as const;
    const files = { "/proc/12/gid_map": "0 1000 1\n", "/proc/12/setgroups": "deny\n" };
    const chosen = await chooseBundleIds(specOf({ namespaces }, mounts), {
      ...host(),
      read: (path) => Promise.resolve((files as Record<string, string>)[path]),
    });

    expect(chosen.ids).toMatchObject({ kind: "none", denySetgroups: true });
    expect(chosen.spec.mounts?.[0]?.options).toEqual(["mode=0620"]);
  });

  it("has all ids mapped where a user namespace is asked for without maps", async () => {
    const { spec, ids } = await chooseBundleIds(specOf({ namespaces: [USER, MOUNT] }), host());

    expect(ids.kind).toBe("helpers");
    expect(spec.linux.namespaces).toEqual([MOUNT, USER]);
    expect(spec.linux.gidMappings).toHaveLength(2);
  });

  it("makes none where one is named by its path", async () => {
    const namespaces = [MOUNT, { type: "user", path: "/proc/1/ns/user" }] as const;

    expect(await chooseBundleIds(specOf({ namespaces }), host())).toMatchObject({
      ids: { kind: "none" },
    });
  });

  it.for([
    ["the caller's own id alone", mapping([0, 1500, 1]), {}, "direct", true],
    ["other ids", mapping([0, 100_000, 10]), {}, "helpers", false],
    ["as root", mapping([0, 100_000, 10]), { capabilities: ALL }, "direct", false],
  ] as const)("maps by %s", async ([, lines, facts, kind, denySetgroups]) => {
    const linux = { namespaces: [MOUNT, USER], uidMappings: lines, gidMappings: lines };

    const { ids } = await chooseBundleIds(specOf(linux), host(facts));

    expect(ids).toMatchObject({ kind, denySetgroups });
  });

  it("makes the namespace that an ordinary user's mappings are of", async () => {
    const lines = mapping([0, 100_000, 10]);

    const { spec, ids } = await chooseBundleIds(
      specOf({ uidMappings: lines, gidMappings: lines }),
      host(),
    );

    expect(spec.linux.namespaces).toEqual([MOUNT, USER]);
    expect(ids).toMatchObject({ kind: "helpers", uids: extents([0, 100_000, 10]) });
  });

  it("refuses mappings of no namespace", async () => {
    const lines = mapping([0, 100_000, 10]);
    const spec = specOf({ uidMappings: lines, gidMappings: lines });

    await expect(chooseBundleIds(spec, host({ capabilities: ALL }))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      details: { field: "linux.uidMappings" },
    });
  });

  it.for(["uidMappings", "gidMappings"] as const)("refuses %s alone", async (name) => {
    const other = name === "uidMappings" ? "gidMappings" : "uidMappings";
    const linux = { namespaces: [MOUNT, USER], [name]: mapping([0, 1500, 1]) };

    await expect(chooseBundleIds(specOf(linux), host())).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: `linux.${other}` },
    });
  });

  it("splits lines where those of its own namespace do", async () => {
    const lines = mapping([0, 0, 100]);
    const linux = { namespaces: [MOUNT, USER], uidMappings: lines, gidMappings: lines };
    const idMap = "0 1500 1\n1 100000 65536";

    const { ids } = await chooseBundleIds(specOf(linux), host({ capabilities: ALL, idMap }));

    expect(ids).toMatchObject({ uids: extents([0, 0, 1], [1, 1, 99]) });
  });

  it("names the property of ids that are not there", async () => {
    const lines = mapping([0, 70_000, 1]);
    const linux = { namespaces: [MOUNT, USER], uidMappings: lines, gidMappings: lines };
    const facts = { capabilities: ALL, idMap: "0 0 65536" };

    await expect(chooseBundleIds(specOf(linux), host(facts))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "linux.uidMappings" },
    });
  });

  it("says what is missing to map more ids than one", async () => {
    const lines = mapping([0, 100_000, 2]);
    const linux = { namespaces: [MOUNT, USER], uidMappings: lines, gidMappings: lines };

    await expect(chooseBundleIds(specOf(linux), host({ helpers: [] }))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      hint: expect.stringContaining("uidmap") as string,
      details: { field: "linux.uidMappings" },
    });
  });
});
