import { describe, expect, it } from "vitest";
import { DEFAULT_CAPABILITIES } from "../../../lib/runtime/capabilities.ts";
import { resolveSecurity } from "../../../lib/runtime/security.ts";

describe("what keeps a container in", () => {
  it("is Docker's by default", () => {
    expect(resolveSecurity({})).toMatchObject({
      capabilities: DEFAULT_CAPABILITIES,
      ambient: [],
      seccomp: { defaultAction: "SCMP_ACT_ERRNO" },
      noNewPrivileges: false,
      writable: [],
      devices: [],
    });
  });

  it("is next to nothing when privileged", () => {
    const place = { masked: ["/sys/x"], readOnly: ["/sys/fs/cgroup"], devices: ["/dev/fuse"] };

    const security = resolveSecurity({ privileged: true }, place);

    expect(security.capabilities).toContain("CAP_SYS_ADMIN");
    expect(security).toMatchObject({
      seccomp: undefined,
      maskedPaths: [],
      readonlyPaths: [],
      writable: ["/sys"],
      devices: ["/dev/fuse"],
    });
  });

  it("is what was asked for beside privileged", () => {
    const security = resolveSecurity({
      privileged: true,
      capDrop: ["SYS_ADMIN"],
      seccomp: "default",
      systemPaths: "default",
    });

    expect(security.capabilities).not.toContain("CAP_SYS_ADMIN");
    expect(security.seccomp?.syscalls?.some(({ names }) => names.includes("mount"))).toBe(false);
    expect(security.maskedPaths).toContain("/proc/kcore");
  });

  it("drops all when privileged, too, but what is asked for by name", () => {
    const { capabilities } = resolveSecurity({
      privileged: true,
      capDrop: ["all"],
      capAdd: ["KILL"],
    });

    expect(capabilities).toEqual(["CAP_KILL"]);
  });

  it("has no devices of the machine unless privileged", () => {
    expect(resolveSecurity({}, { devices: ["/dev/fuse"] }).devices).toEqual([]);
  });

  it("has the filter for the capabilities there are", () => {
    const { seccomp } = resolveSecurity({ capAdd: ["SYS_ADMIN"] });

    expect(seccomp?.syscalls?.some(({ names }) => names.includes("mount"))).toBe(true);
  });

  it.each([
    ["what is added", { capAdd: ["net_admin"] }, ["CAP_NET_ADMIN"]],
    ["what is added of the default ones too", { capAdd: ["CHOWN"] }, ["CAP_CHOWN"]],
    ["none by default", {}, []],
    ["none for being privileged", { privileged: true }, []],
  ])("gives an ordinary user %s", (_what, request, ambient) => {
    expect(resolveSecurity(request).ambient).toEqual(ambient);
  });

  it("gives an ordinary user all but what is dropped", () => {
    const { ambient } = resolveSecurity({ capAdd: ["ALL"], capDrop: ["SYS_ADMIN"] });

    expect(ambient).toContain("CAP_NET_ADMIN");
    expect(ambient).not.toContain("CAP_SYS_ADMIN");
  });
});
