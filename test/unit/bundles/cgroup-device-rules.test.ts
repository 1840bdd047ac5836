import { describe, expect, it } from "vitest";
import { makesNodesUseless, needsDeviceRules } from "../../../lib/bundles/cgroup-device-rules.ts";
import type { DeviceRule, RuntimeSpec, SpecMount } from "../../../lib/oci/runtime-spec.ts";
import { defaultSpec } from "../../../lib/runtime-cli/default-spec.ts";

const spec = defaultSpec();
const ofLinux = (linux: Partial<RuntimeSpec["linux"]>): RuntimeSpec => {
  return { ...spec, linux: { ...spec.linux, ...linux } };
};
const withRules = (...devices: readonly DeviceRule[]) => ofLinux({ resources: { devices } });
const withUser = (path?: string) => {
  const user = { type: "user", ...(path !== undefined && { path }) } as const;
  return ofLinux({ namespaces: [...spec.linux.namespaces, user] });
};
const withNode = (path: string, type: "c" | "p") => {
  return ofLinux({ devices: [{ path, type, major: 1, minor: 3 }] });
};
const withMount = (mount: SpecMount) => ({ ...spec, mounts: [...(spec.mounts ?? []), mount] });
const withCapability = (name: string): RuntimeSpec => {
  return { ...spec, process: { ...spec.process, capabilities: { bounding: [name] } } };
};

describe("rules of devices that nobody enforces", () => {
  it.each<[name: string, spec: RuntimeSpec, isUseless: boolean, isWarned: boolean]>([
    ["a new bundle", spec, true, false],
    ["no rules", withRules(), false, false],
    ["all is allowed", withRules({ allow: true, access: "rwm" }), false, false],
    ["a user namespace of its own", withUser(), false, false],
    ["the user namespace that we have", withUser("/proc/self/ns/user"), true, false],
    ["one that is not there", withUser("/no/such"), false, false],
    ["nodes at /dev", withNode("/dev/net/tun", "c"), true, false],
    ["nodes elsewhere", withNode("/dev/../null", "c"), false, true],
    ["a pipe elsewhere", withNode("/pipe", "p"), true, false],
    ["/dev of the host", withMount({ destination: "/dev/", options: ["rbind"] }), false, true],
    ["no mounts", { ...spec, mounts: [] }, false, true],
    ["who makes nodes", withCapability("CAP_MKNOD"), true, true],
    ["who mounts", withCapability("CAP_SYS_ADMIN"), true, true],
  ])("%s", (_, asked, isUseless, isWarned) => {
    expect(makesNodesUseless(asked, true)).toBe(isUseless);
    expect(needsDeviceRules(asked, true)).toBe(isWarned);
    expect([makesNodesUseless(asked, false), needsDeviceRules(asked, false)]).toEqual([
      false,
      false,
    ]);
  });
});
