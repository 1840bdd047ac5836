/** Changes of all kinds in our container and in Podman's: what `diff` says, what `commit` packs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CASES } from "../helpers/changes/cases.ts";
import { ALL_CASES, IMAGE, changeAll, changesArchive, placeOf } from "../helpers/changes/image.ts";
import { layerFacts } from "../helpers/changes/layer.ts";
import { changedByUs } from "../helpers/changes/ours.ts";
import { diffBelow, withParents } from "../helpers/changes/diff-lines.ts";
import { type Changed, changedByPodman } from "../helpers/changes/peers.ts";
import { type Facts, requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, type PodmanStorage, openPodman } from "../helpers/podman.ts";
import { hostCannot } from "../helpers/user-namespaces.ts";

/** With its overlay driver, `podman diff` of these ends with "not a directory". */
const UNSPEAKABLE = /^a (file|link) becomes a directory$/;

const able = requirePodman();
const since = Math.floor(Date.now() / 1000);

describe("changes of files beside rootless Podman's", () => {
  expectNothingLeft();

  let ours: Changed;
  /** Podman compares two whole trees. */
  let trees: Changed;
  /** Podman looks at the writable layer of an overlay, without the unspeakable. */
  let overlay: Changed;
  let fault: string | undefined;
  const opened: Podman[] = [];

  afterAll(() => {
    for (const podman of opened) podman.close();
  });

  beforeAll(async () => {
    if (!able) return;
    const theirs = async (storage: PodmanStorage, cases: typeof ALL_CASES) => {
      const podman = await openPodman(storage);
      opened.push(podman);
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

  it("are all there is in the layer, and nothing is noted there by the file system", () => {
    const elsewhere = ours.layer.filter(({ path }) => !/^cases(\/|$)/.test(path));
    const noted = ours.layer.flatMap(({ xattrs }) => [...xattrs.keys()]);

    expect(ours.diff.filter((line) => !line.includes(" /cases"))).toEqual([]);
    // A directory of which only the time changed, by a file that was made there and removed.
    expect(elsewhere.map(({ path }) => path)).toEqual(["tmp"]);
    expect(new Set(noted)).toEqual(
      new Set(["security.capability", "user.binary", "user.large", "user.new", "user.note"]),
    );
  });

  it("have their times to the nanosecond", () => {
    const file = ours.layer.find(({ path }) => path === `${placeOf("times have nanoseconds")}/new`);

    expect(file?.mtime).toBe("1500000000.123456789");
  });

  describe.each(Object.entries(CASES))("%s", (_, cases) => {
    it.for(cases)("shows in diff that %s", ([name], context) => {
      if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));
      const of = (one: Changed) => diffBelow(one.diff, placeOf(name));

      const accepted = UNSPEAKABLE.test(name) ? [of(trees)] : [of(trees), withParents(of(overlay))];

      expect(accepted).toContainEqual(of(ours));
    });

    it.for(cases)("packs into a layer that %s", ([name], context) => {
      if (fault !== undefined) context.skip(hostCannot("start containers with podman", fault));
      const of = (one: Changed) => layerFacts(one.layer, placeOf(name), since);

      const theirs = lines(of(UNSPEAKABLE.test(name) ? trees : overlay));

      expect(lines(of(ours))).toEqual(ONLY_COPIED.has(name) ? theirs.filter(isDirectory) : theirs);
    });
  });
});

/** An overlay copies these up, and they are what they were: marmita packs their directories only. */
const ONLY_COPIED: ReadonlySet<string> = new Set([
  "a file is removed and made again",
  "a file is moved away and back",
  "a file is opened for writing only",
  "a file's mode is set to what it was",
  "a file's mode changes and changes back",
  "a file's owner is set to what it was",
]);

/** Without what Podman's overlay noted there for itself. */
function lines(facts: Facts): readonly string[] {
  return [...facts]
    .map(([path, text]) => `${path} ${text.replace(/ user\.overlay\.\w+=\w*/g, "")}`)
    .sort();
}

function isDirectory(line: string): boolean {
  return line.includes(" directory ");
}
