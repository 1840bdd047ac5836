/** Whiteouts of "..", of nothing, and through links. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { startUnpack, unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with hostile whiteouts", () => {
  it.each([
    ["whiteout-dotdot", "apply a/.wh...: is a whiteout of nothing"],
    ["whiteout-dot", "apply a/.wh..: is a whiteout of nothing"],
    ["whiteout-empty", "apply a/.wh.: is a whiteout of nothing"],
    ["whiteout-parent", "apply .wh.../x: is below a whiteout"],
  ])("%s is refused", async (name, message) => {
    const { applying, folder } = await startUnpack(oddTar(name));

    await expect(applying).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(message),
    });
    expect(await readdir(folder)).toEqual(["diff"]);
  });

  it("deletes nothing of the layers below, also through a link to /", async () => {
    const lower = await temporaryFolder();
    await mkdir(join(lower, "etc"));

    const { directory } = await unpack("whiteout-traversal", { lowers: [lower] });

    expect(await readdir(lower)).toEqual(["etc"]);
    expect(await readdir(directory)).toEqual(["d", "etc"]);
  });

  it("skips what aufs kept for itself", async () => {
    const { directory } = await unpack("aufs-meta");

    expect(await readdir(directory)).toEqual(["f"]);
  });
});
