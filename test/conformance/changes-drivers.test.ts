/** The same changes over the kernel's overlay, over fuse-overlayfs, and with one id. */
import { beforeAll, describe, expect, it } from "vitest";
import type { EngineOptions } from "../../lib/engine/options.ts";
import { diffBelow } from "../helpers/changes/diff-lines.ts";
import { ALL_CASES, IMAGE, changeAll, changesArchive, placeOf } from "../helpers/changes/image.ts";
import { layerFacts } from "../helpers/changes/layer.ts";
import { changedByUs } from "../helpers/changes/ours.ts";
import type { Changed } from "../helpers/changes/peers.ts";
import { testEngine } from "../helpers/engine.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { subordinateIdsFault } from "../helpers/ids.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const since = Math.floor(Date.now() / 1000);
const able =
  requireUserNamespaces() &&
  hostCan("map many ids", process.getuid?.() === 0 ? undefined : subordinateIdsFault());

describe("changes of files are told alike", () => {
  expectNothingLeft();

  let kernel: Changed;
  beforeAll(async () => {
    if (able) kernel = await changedOver({ storageDriver: "overlay" });
  });

  describe("over fuse-overlayfs", () => {
    const there = requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());
    let fuse: Changed;
    beforeAll(async () => {
      if (able && there) fuse = await changedOver({ storageDriver: "fuse-overlayfs" });
    });

    it("and it can make all but two of them", () => {
      expect(failed(fuse)).toEqual(["a pipe's mode changes", "a name is long"]);
    });

    it.for(ALL_CASES.filter(([name]) => !FUSE_OWN.has(name)))("when %s", ([name]) => {
      const of = (one: Changed) => diffBelow(one.diff, placeOf(name));

      expect(of(fuse)).toEqual(of(kernel));
    });

    it.for(ALL_CASES.filter(([name]) => !FUSE_OWN.has(name)))("and packed, when %s", ([name]) => {
      const timeless = (lines: readonly string[]) =>
        lines.map((line) => line.replace(SHIFTS, "$1"));

      expect(timeless(packed(fuse, name))).toEqual(timeless(packed(kernel, name)));
    });
  });

  describe("with one id", () => {
    let single: Changed;
    beforeAll(async () => {
      if (able) single = await changedOver({ ids: "single" });
    });

    it("and only what needs other ids cannot be made", () => {
      expect(failed(single)).toEqual(ALL_CASES.map(([name]) => name).filter(needsIds));
    });

    it.for(ALL_CASES.filter(([name]) => !needsIds(name)))("when %s", ([name]) => {
      const of = (one: Changed) => diffBelow(one.diff, placeOf(name));

      expect(of(single)).toEqual(of(kernel));
    });

    it.for(ALL_CASES.filter(([name]) => !copiesOwners(name)))("and packed, when %s", ([name]) => {
      expect(packed(single, name)).toEqual(packed(kernel, name));
    });
  });
});

/** fuse-overlayfs 1.10 does these otherwise, or not at all, whoever looks. */
const FUSE_OWN: ReadonlySet<string> = new Set([
  "a pipe's mode changes", // EIO, and it is a file from then on
  "a name is long", // its whiteouts need four bytes of a name's 255
  "a file of two names changes its mode", // finds the first name when asked for the second
  "a link gets a second name", // gives the link another time
  "a setuid file is written to", // and stays setuid
]);

/** It gives directories and links that it copies up another time. */
const SHIFTS = /(( directory| symlink) \S+ \S+) (now|at -?\d+)/;

/** Others' files are the container's own there, and so are its copies of them. */
function copiesOwners(name: string): boolean {
  return needsIds(name) || /^(a directory is (renamed|moved)|two directories)/.test(name);
}

function packed({ layer }: Changed, name: string): readonly string[] {
  return [...layerFacts(layer, placeOf(name), since)].map((fact) => fact.join(" ")).sort();
}

function needsIds(name: string): boolean {
  return /owner/.test(name) || name === "a pipe is new";
}

async function changedOver(options: Omit<EngineOptions, "root">): Promise<Changed> {
  const engine = await testEngine(options);
  await engine.images.load(changesArchive());
  return changedByUs(engine, { image: IMAGE, script: changeAll() });
}

function failed({ printed }: Changed): readonly string[] {
  return [...printed.matchAll(/^failed: (.*)$/gm)].map(([, name = ""]) => name);
}
