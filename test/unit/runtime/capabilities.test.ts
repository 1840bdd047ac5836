import { describe, expect, it } from "vitest";
import {
  type CapabilityChanges,
  capabilityMask,
  containerCapabilities,
  DEFAULT_CAPABILITIES,
  hasCapabilities,
  parseCapability,
} from "../../../lib/runtime/capabilities.ts";

describe("capabilities", () => {
  it("are Docker's by default", () => {
    expect(capabilityMask(DEFAULT_CAPABILITIES).toString(16)).toBe("a80425fb");
  });

  it("have bits beyond 32", () => {
    expect(capabilityMask(["CAP_CHECKPOINT_RESTORE"])).toBe(2 ** 40);
  });

  it("count once however often they are named", () => {
    expect(capabilityMask(["CAP_KILL", "CAP_KILL"])).toBe(32);
  });

  it("are refused by name where Linux has no such", () => {
    expect(() => capabilityMask(["CAP_FLY"])).toThrow('no such capability: "CAP_FLY"');
  });

  it("are read from a process's status", () => {
    const status = "Name:\tx\nCapEff:\t00000000a80425fb\n";

    expect(hasCapabilities(status, ["CAP_SETUID", "CAP_SETFCAP"])).toBe(true);
    expect(hasCapabilities(status, ["CAP_SETUID", "CAP_SYS_ADMIN"])).toBe(false);
  });
});

describe("a capability's name", () => {
  it.each([
    ["CAP_NET_RAW", "CAP_NET_RAW"],
    ["net_raw", "CAP_NET_RAW"],
    ["cap_Net_Raw", "CAP_NET_RAW"],
    ["all", "ALL"],
  ])("%s is %s", (text, name) => {
    expect(parseCapability(text)).toBe(name);
  });

  it.each([
    ["NET_ADMN", 'no such capability: "NET_ADMN" (did you mean CAP_NET_ADMIN?)'],
    ["FLY", 'no such capability: "FLY"'],
    ["", 'no such capability: ""'],
    ["CAP_ALL", 'no such capability: "CAP_ALL"'],
  ])("%j is refused", (text, message) => {
    expect(() => parseCapability(text)).toThrow(message);
  });
});

describe("the capabilities of a container", () => {
  const NEWEST = 40;
  const difference = (changes: CapabilityChanges, last = NEWEST) => {
    const got = containerCapabilities(changes, last);
    const more = got.filter((name) => !DEFAULT_CAPABILITIES.includes(name));
    const less = DEFAULT_CAPABILITIES.filter((name) => !got.includes(name));
    return [...more.map((name) => `+${name}`), ...less.map((name) => `-${name}`)];
  };

  it.each([
    ["nothing", {}, []],
    ["one more", { add: ["net_admin"] }, ["+CAP_NET_ADMIN"]],
    ["one less", { drop: ["CAP_MKNOD"] }, ["-CAP_MKNOD"]],
    ["one that is there already", { add: ["CHOWN"] }, []],
    ["the same added and dropped", { add: ["SYS_TIME"], drop: ["SYS_TIME"] }, ["+CAP_SYS_TIME"]],
  ])("are Docker's, but for %s", (_what, changes, expected) => {
    expect(difference(changes)).toEqual(expected);
  });

  it("are what is added and nothing else where all are dropped", () => {
    expect(containerCapabilities({ drop: ["all"] }, NEWEST)).toEqual([]);
    expect(containerCapabilities({ drop: ["ALL"], add: ["kill"] }, NEWEST)).toEqual(["CAP_KILL"]);
  });

  it("are all that the kernel knows, but for what is dropped by name", () => {
    expect(containerCapabilities({ add: ["ALL"] }, NEWEST)).toHaveLength(41);
    expect(containerCapabilities({ add: ["ALL"], drop: ["ALL"] }, NEWEST)).toHaveLength(41);
    expect(containerCapabilities({ add: ["ALL"] }, 37)).toHaveLength(38);
    expect(containerCapabilities({ add: ["ALL"], drop: ["BPF"] }, NEWEST)).not.toContain("CAP_BPF");
  });

  it("are refused where the kernel does not know one", () => {
    expect(() => containerCapabilities({ add: ["BPF"] }, 37)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: "this kernel has no CAP_BPF" }),
    );
  });
});
