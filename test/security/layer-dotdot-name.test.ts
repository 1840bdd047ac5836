/** Names that climb out of the layer. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { startUnpack, unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with .. in its names", () => {
  it.each([
    ["dotdot-name", "apply ../escaped: leads above the root"],
    ["dotdot-deep", "apply a/b/../../../escaped: leads above the root"],
  ])("%s is refused, by name", async (name, message) => {
    const { applying, folder } = await startUnpack(oddTar(name));

    await expect(applying).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(message),
    });
    expect(await readdir(folder)).toEqual(["diff"]);
  });

  it("may use them as long as they stay inside", async () => {
    const { directory } = await unpack("dotdot-inside");

    expect(await readdir(directory, { recursive: true })).toEqual(["b", "b/c", "b/c/d"]);
  });
});
