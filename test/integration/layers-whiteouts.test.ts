/** Whiteouts, as an overlay over a lower layer shows them: whatever their place in the tar. */
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { overlayFault, seenTogether, unpack } from "../helpers/layers.ts";
import { hostCan, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const hasNamespaces = requireUserNamespaces();

/** etc/file and etc/gone, and a file beside it. */
async function lowerLayer(): Promise<string> {
  const lower = await temporaryFolder();
  await mkdir(join(lower, "etc"), { mode: 0o750 });
  for (const name of ["etc/file", "etc/gone", "f"]) await writeFile(join(lower, name), "below");
  return lower;
}

const BELOW = ["etc 750 d", "etc/file 644 below", "etc/gone 644 below"];
const NEW = ["etc 755 d", "etc/new 644 x"];
const F = ["f 644 below"];

describe("a layer with whiteouts", () => {
  let isOverlayThere = false;
  beforeAll(async () => {
    isOverlayThere = hasNamespaces && hostCan("lay layers over each other", await overlayFault());
  });

  it.each([
    ["whiteout", "hides one file", ["etc 750 d", "etc/file 644 below", ...F]],
    ["opaque", "hides all that was in a directory", [...NEW, ...F]],
    ["opaque-implied", "hides it without an entry for the directory", ["etc 750 d", ...F]],
    ["opaque-root", "hides everything below", ["new 644 x"]],
    ["whiteout-then-directory", "puts a new directory there", [...NEW, ...F]],
    ["whiteout-then-implied", "puts a new parent there", [...NEW, ...F]],
    ["directory-then-whiteout", "hides only what is below", [...NEW, ...F]],
    ["file-and-whiteout", "keeps its own files", [...BELOW, "f 644 x", "g 644 x"]],
  ])("%s: %s", async (name, _promise, expected) => {
    const lower = await lowerLayer();

    const { directory } = await unpack(name, { lowers: [lower] });

    // Without an overlay there is nobody to ask, but the lower layer must be whole.
    const seen = isOverlayThere ? await seenTogether([directory, lower]) : expected;
    expect(seen).toEqual(expected);
    expect((await stat(join(lower, "etc/gone"))).isFile()).toBe(true);
  });

  it("makes missing parents look as they do below", async () => {
    const lower = await lowerLayer();

    const { directory } = await unpack("whiteout", { lowers: [lower] });

    const [made, below] = [await stat(join(directory, "etc")), await stat(join(lower, "etc"))];
    expect(made.mode & 0o7777).toBe(0o750);
    expect(made.mtimeMs).toBe(below.mtimeMs);
  });

  it("does not look below what a layer between hides", async () => {
    const lower = await lowerLayer();
    const between = await unpack("whiteout-then-implied", { lowers: [lower] });

    const { directory } = await unpack("whiteout", { lowers: [between.directory, lower] });

    expect((await stat(join(directory, "etc"))).mode & 0o7777).toBe(0o755);
    await expect(
      unpack("hardlink-to-lower", { lowers: [between.directory, lower] }),
    ).rejects.toThrow("find etc/file in this layer or below");
  });
});
