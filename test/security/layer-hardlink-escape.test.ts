/** Hard links to files outside of the layer. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { startUnpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with hard links that lead out of it", () => {
  it.each([
    ["hardlink-escape", "apply name: hard link to ../../../../etc/passwd: leads above the root"],
    ["hardlink-through-symlink", "apply name: hard link: find d/passwd in this layer or below"],
    ["hardlink-missing", "apply name: hard link: find nowhere in this layer or below"],
    ["hardlink-to-directory", "apply name: hard link to /d"],
  ])("%s is refused", async (name, message) => {
    const { applying, directory } = await startUnpack(oddTar(name));

    await expect(applying).rejects.toThrow(message);
    expect(await readdir(directory)).not.toContain("name");
  });
});
