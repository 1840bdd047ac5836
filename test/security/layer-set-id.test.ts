/** Set-id bits of owners that cannot be given would become those of somebody else. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testNamespace, unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with owners that are not mapped", () => {
  it("leaves their files to root, without set-id bits, and counts them", async () => {
    const { namespace } = await testNamespace("single");
    const root = { uid: namespace.uids[0]?.outside, gid: namespace.gids[0]?.outside };

    const { directory, unmapped } = await unpack("huge-ids", { ids: "single" });

    expect(unmapped).toBe(5);
    for (const name of ["base-256", "pax", "beyond", "negative", "mapped"]) {
      expect(await stat(join(directory, name)), name).toMatchObject(root);
    }
    expect((await stat(join(directory, "pax"))).mode & 0o7777).toBe(0o755);
  });

  it("keeps the bits of owners that are mapped", async () => {
    const { directory } = await unpack("modes", { ids: "single" });

    expect((await stat(join(directory, "setuid"))).mode & 0o7777).toBe(0o4755);
    expect((await stat(join(directory, "setgid"))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(directory, "shared"))).mode & 0o7777).toBe(0o775);
  });
});
