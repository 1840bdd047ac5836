import { describe, expect, it } from "vitest";
import { signalName, signalNumber } from "../../../lib/runtime/signals.ts";

describe("signals", () => {
  it("have a number for a name", () => {
    expect(signalNumber("SIGTERM")).toBe(15);
    expect(signalNumber(9)).toBe(9);
  });

  it("have the usual name for a number", () => {
    expect(signalName(6)).toBe("SIGABRT");
    expect(signalName(0)).toBeNull();
    expect(signalName(40)).toBeNull();
  });

  it.each([0, 65, -1, 1.5])("are not %s", (signal) => {
    expect(() => signalNumber(signal)).toThrow("a signal's name or number");
  });
});
