import { describe, expect, it } from "vitest";
import type { UserNamespace } from "../../../lib/native/helper.ts";
import { HelperFailure } from "../../../lib/native/helper.ts";
import { singleMapping } from "../../../lib/runtime/id-maps.ts";
import { type NamespaceMaker, openNamespace } from "../../../lib/runtime/namespace.ts";

const SUBIDS = {
  mode: "subids",
  uids: [
    { inside: 0, outside: 1500, size: 1 },
    { inside: 1, outside: 100_000, size: 65_536 },
  ],
  gids: [{ inside: 0, outside: 1500, size: 1 }],
  setgroups: true,
} as const;
const NAMESPACE: UserNamespace = { fd: 9, uids: [], gids: [], close: () => undefined };

function failing(mode: string): NamespaceMaker["create"] {
  return async (options) => {
    if (options.mode !== mode) return NAMESPACE;
    throw new HelperFailure({ event: "failed", errno: 1, what: "newuidmap: exit status 1" });
  };
}

describe("openNamespace", () => {
  it("falls back to one id where the helpers fail, and keeps the reason", async () => {
    const { mapping } = await openNamespace(
      {},
      { choose: async () => SUBIDS, create: failing("helpers") },
    );

    expect(mapping.mode).toBe("single");
    expect(mapping.reason).toMatch(/^ids could not be mapped: newuidmap: exit status 1/);
  });

  it("rejects instead where subordinate ids were asked for", async () => {
    const opening = openNamespace(
      { ids: "subids" },
      { choose: async () => SUBIDS, create: failing("helpers") },
    );

    await expect(opening).rejects.toMatchObject({ code: "UNSUPPORTED", step: "namespace" });
  });

  it("rejects with the errno where no namespace can be made at all", async () => {
    const single = singleMapping({ uid: 1500, gid: 1500 }, "asked for");

    const opening = openNamespace({}, { choose: async () => single, create: failing("single") });

    await expect(opening).rejects.toMatchObject({ code: "UNSUPPORTED", errno: "EPERM" });
  });
});
