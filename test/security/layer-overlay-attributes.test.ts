/** Extended attributes by which an image would speak to the overlay file system itself. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { overlayFault, seenTogether, unpack } from "../helpers/layers.ts";
import { hostCan, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const hasNamespaces = requireUserNamespaces();

describe("a layer with attributes of overlayfs and fuse-overlayfs", () => {
  let isOverlayThere = false;
  beforeAll(async () => {
    isOverlayThere = hasNamespaces && hostCan("lay layers over each other", await overlayFault());
  });

  it("is unpacked without them, and they are counted", async () => {
    const { xattrs } = await unpack("overlay-xattr");

    expect(xattrs).toBe(4);
  });

  it("hides nothing by them", async (context) => {
    if (!isOverlayThere) context.skip("no overlay file system here");
    const lower = await temporaryFolder();
    await mkdir(join(lower, "etc"));
    await writeFile(join(lower, "etc/below"), "seen");

    const { directory } = await unpack("overlay-xattr", { lowers: [lower] });

    expect(await seenTogether([directory, lower])).toEqual([
      "etc 755 d",
      "etc/below 644 seen",
      "f 644 x",
    ]);
  });
});
