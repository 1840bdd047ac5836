/** Layers over each other, held against umoci, which applies them one after the other. */
import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { imageArchive } from "../../fixtures/image-archive.mjs";
import { randomLayers } from "../../fixtures/random-layers.mjs";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { LISTING, asRoot, overlayFault, seenTogether, unpack } from "../helpers/layers.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able = requireUserNamespaces() && requireProgram("umoci");
const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);

describe("an image of random layers", () => {
  let isOverlayThere = false;
  beforeAll(async () => {
    isOverlayThere = able && hostCan("lay layers over each other", await overlayFault());
  });

  it.each(seeds)("shows what umoci makes of it: seed %i", async (seed) => {
    const tars = randomLayers(seed).map((entries) => tarArchive(entries));

    const ours = await unpackAll(tars);
    const theirs = await unpackByUmoci(tars);

    // Without an overlay nobody can say what they show; that all were unpacked says something.
    const shown = isOverlayThere ? await seenTogether(ours) : theirs;
    expect(shown).toEqual(theirs);
    expect(theirs).not.toEqual([]);
  });
});

/** Topmost first. */
async function unpackAll(tars: readonly Uint8Array[]): Promise<readonly string[]> {
  const lowers: string[] = [];
  for (const tar of tars) lowers.unshift((await unpack(tar, { lowers })).directory);
  return lowers;
}

async function unpackByUmoci(tars: readonly Uint8Array[]): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  const layout = join(folder, "layout");
  await mkdir(layout);
  const input = imageArchive({ layers: tars, name: "random:latest", form: "oci" });
  execFileSync("tar", ["-x", "-C", layout], { input });
  const tag = execFileSync("umoci", ["list", "--layout", layout], { encoding: "utf8" }).trim();
  const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
  const rootfs = join(folder, "rootfs");
  const args = ["raw", "unpack", ...rootless, "--image", `${layout}:${tag}`, rootfs];
  execFileSync("umoci", args, { stdio: "pipe" });
  return asRoot(`cd "$1"\n${LISTING}`, rootfs).trimEnd().split("\n").sort();
}
