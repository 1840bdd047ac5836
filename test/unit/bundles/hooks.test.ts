import { describe, expect, it } from "vitest";
import { hookState, hookStatePrefix } from "../../../lib/bundles/hooks.ts";

const STATE = {
  ociVersion: "1.2.0",
  id: "lunch",
  status: "creating",
  bundle: '/bun"dle',
  annotations: { pid: '0}"pid":' },
} as const;

describe("what a hook is told", () => {
  it("is the state and nothing else of it", () => {
    const more = { ...STATE, pid: 12, owner: "cook", rootfs: "/" };

    expect(hookState(more)).toEqual({ ...STATE, pid: 12 });
  });

  it("is made whole by a number and a brace", () => {
    expect(JSON.parse(`${hookStatePrefix(STATE)}34}`)).toEqual({ ...STATE, pid: 34 });
  });
});
