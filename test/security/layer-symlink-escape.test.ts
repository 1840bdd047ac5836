/** A link is put where a directory was expected, and written through. */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { startUnpack, unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with links on the way to its names", () => {
  it("takes absolute links for links inside of the layer", async () => {
    const { directory } = await unpack("symlink-swap");

    expect(await readlink(join(directory, "d"))).toBe("/etc");
    expect(await readFile(join(directory, "etc/f"), "utf8")).toBe("x");
    expect(existsSync("/etc/f")).toBe(false);
  });

  it("cannot climb above its root by any number of ..", async () => {
    const { directory, folder } = await unpack("symlink-escape");

    expect(await readFile(join(directory, "escaped"), "utf8")).toBe("x");
    expect(await readdir(folder)).toEqual(["diff"]);
  });

  it("is refused where the link leads nowhere inside", async () => {
    const { applying } = await startUnpack(oddTar("symlink-absolute-escape"));

    await expect(applying).rejects.toMatchObject({
      code: "CORRUPT",
      message: "apply d/escaped: open parent d: no such file or directory",
    });
    expect(existsSync("/tmp/escaped")).toBe(false);
  });

  it("is refused where links go round in circles", async () => {
    const { applying } = await startUnpack(oddTar("symlink-loop"));

    await expect(applying).rejects.toMatchObject({ errno: "ELOOP" });
  });

  it("replaces a link by a file of the same name, and leaves alone what it pointed to", async () => {
    const { directory } = await unpack("file-through-symlink");

    expect(await readFile(join(directory, "target"), "utf8")).toBe("old");
    expect(await readFile(join(directory, "name"), "utf8")).toBe("new");
  });

  it("forgets a link that it has replaced by a directory", async () => {
    const { directory } = await unpack("link-swap");

    expect(await readdir(directory)).toEqual(["l", "x"]);
    expect(await readdir(join(directory, "l"))).toEqual(["y"]);
  });

  it("never writes to the layers below, whatever they link to", async () => {
    const lower = await temporaryFolder();
    await mkdir(join(lower, "etc"));

    const { directory } = await unpack("symlink-swap", { lowers: [lower] });

    expect(await readdir(join(lower, "etc"))).toEqual([]);
    expect(await readdir(join(directory, "etc"))).toEqual(["f"]);
  });
});
