import { describe, expect, it } from "vitest";
import {
  capabilityMask,
  DEFAULT_CAPABILITIES,
  hasCapabilities,
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
