/** Changes of all kinds in our container and in Podman's: what `diff` says, what `commit` packs. */
import { beforeAll, describe, expect, it } from "vitest";
import { CASES } from "../helpers/changes/cases.ts";
import { ALL_CASES, IMAGE, changeAll, changesArchive, placeOf } from "../helpers/changes/image.ts";
import { changedByUs } from "../helpers/changes/ours.ts";
import { diffBelow, withParents } from "../helpers/changes/diff-lines.ts";
import { type Changed, changedByPodman } from "../helpers/changes/peers.ts";
import { requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type PodmanStorage, openPodman } from "../helpers/podman.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

/** With its overlay driver, `podman diff` of these ends with "not a directory". */
const UNSPEAKABLE = /^a (file|link) becomes a directory$/;

const able = requirePodman();

describe("changes of files beside rootless Podman's", () => {
  expectNothingLeft();

  let ours: Changed;
  /** Podman compares two whole trees. */
  let trees: Changed;
  /** Podman looks at the writable layer of an overlay, without the unspeakable. */
  let overlay: Changed;
  let fault: string | undefined;

  beforeAll(async () => {
    if (!able) return;
    const theirs = async (storage: PodmanStorage, cases: typeof ALL_CASES) => {
      const podman = await openPodman(storage);
      podman.podman("load", "--quiet", "--input", changesArchive());
      fault ??= podman.runFault(IMAGE);
      if (fault !== undefined) return { diff: [], layer: [], printed: "" };
      return changedByPodman(podman, { image: IMAGE, script: changeAll(cases) });
    };
    trees = await theirs("vfs", ALL_CASES);
    overlay = await theirs(
      "overlay",
      ALL_CASES.filter(([name]) => !UNSPEAKABLE.test(name)),
    );
    const engine = await testEngine();
    await engine.images.load(changesArchive());
    ours = await changedByUs(engine, { image: IMAGE, script: changeAll() });
  });

  it("are all made", () => {
    expect(ours.printed).toBe(trees.printed);
    expect(ours.printed).not.toContain("failed");
  });

  describe.each(Object.entries(CASES))("%s", (_, cases) => {
    it.for(cases)("shows in diff that %s", ([name], context) => {
      if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));
      const of = (one: Changed) => diffBelow(one.diff, placeOf(name));

      const accepted = UNSPEAKABLE.test(name) ? [of(trees)] : [of(trees), withParents(of(overlay))];

      expect(accepted).toContainEqual(of(ours));
    });
  });
});
