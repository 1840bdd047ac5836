import { describe, expect, it } from "vitest";
import { formatPlan } from "../../../lib/native/plan.ts";
import type { Linux, Process, RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import type { BundleContext } from "../../../lib/runtime/bundle-context.ts";
import { compileBundle } from "../../../lib/runtime/compile-bundle.ts";

const NAMESPACES = (["pid", "network", "ipc", "uts", "mount"] as const).map((type) => ({ type }));
const PROCESS: Process = { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" };
const NET = "/run/netns/a";

const ONE = [{ inside: 0, outside: 1500, size: 1 }];
const NEW_IDS = { kind: "direct", uids: ONE, gids: ONE, denySetgroups: true } as const;

function specOf(given: Partial<RuntimeSpec> = {}): RuntimeSpec {
  return {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: PROCESS,
    linux: { namespaces: NAMESPACES },
    ...given,
  };
}

function context(given: Partial<BundleContext> = {}): BundleContext {
  return {
    id: "one",
    bundle: "/bundle",
    ids: { kind: "none" },
    execFifo: "/state/one/exec.fifo",
    preserveFds: 0,
    noPivot: false,
    noNewKeyring: false,
    filters: "/filters",
    hookState: (status) => `{"status":"${status}","pid":`,
    ...given,
  };
}

function planOf(spec: Partial<RuntimeSpec> = {}, given: Partial<BundleContext> = {}): string {
  return formatPlan(compileBundle(specOf(spec), context(given)).plan);
}

function linux(given: Partial<Linux>): { linux: Linux } {
  return { linux: { namespaces: NAMESPACES, ...given } };
}

function thrown(spec: Partial<RuntimeSpec>): unknown {
  try {
    return planOf(spec);
  } catch (error) {
    return error;
  }
}

describe("compileBundle", () => {
  it("makes namespaces but for those that have a path", () => {
    const namespaces = [{ type: "mount" }, { type: "network", path: NET }] as const;

    expect(planOf()).toMatch(/^namespaces 0x6c020000$/m);
    const shared = planOf(linux({ namespaces }));
    expect(shared).toContain(`enter ${0x4000_0000} "${NET}" "linux.namespaces: network"\n`);
    expect(shared).toContain("\nnamespaces 0x20000\n");
  });

  it("writes no maps where there is no user namespace to make", () => {
    expect(planOf()).not.toMatch(/^(?:uid-map|gid-map|setgroups|become-root)/m);
  });

  it.for([
    ["hostname", { hostname: "a", ...linux({ namespaces: [{ type: "mount" }] }) }],
    ["domainname", { domainname: "a", ...linux({ namespaces: [{ type: "mount" }] }) }],
    ["linux.namespaces", linux({ namespaces: [] })],
    ['linux.sysctl["vm.swappiness"]', linux({ sysctl: { "vm.swappiness": "1" } })],
  ] as const)("refuses %s by name", ([field, spec]) => {
    expect(thrown(spec)).toMatchObject({ code: "UNSUPPORTED", details: { field } });
  });

  it.for([
    ["of the machine's root", { kind: "none" }, [], "mount"],
    ["of root in a namespace", { kind: "none", isNested: true }, [], "bind"],
    ["of that, with another's network", { kind: "none", isNested: true }, [{ path: NET }], "mount"],
    ["in a new user namespace", NEW_IDS, [{ path: NET }], "bind"],
    ["in a new user namespace with its own network", NEW_IDS, [{}], "mount"],
  ] as const)("mounts what shows the network %s", ([, ids, networks, name]) => {
    const namespaces = [
      { type: "mount" } as const,
      ...networks.map((one) => ({ type: "network", ...one }) as const),
    ];
    const mounts = [{ destination: "/sys", type: "sysfs", source: "sysfs" }];

    const plan = planOf({ mounts, ...linux({ namespaces }) }, { ids });

    expect(plan).toMatch(new RegExp(`^${name} .*"/sys"`, "m"));
  });

  it("warns of capabilities that there are not", () => {
    const capabilities = { bounding: ["CAP_KILL", "CAP_ODD"], effective: ["CAP_ODD"] };
    const spec = specOf({ process: { ...PROCESS, capabilities } });

    const { plan, warnings } = compileBundle(spec, context());

    expect(formatPlan(plan)).toContain("\ncapabilities 0x20 0x0 0x0 0x0 0x0\n");
    expect(warnings).toEqual([
      "process.capabilities.bounding: cannot be granted: CAP_ODD",
      "process.capabilities.effective: not in the permitted set: CAP_ODD",
    ]);
  });
});
