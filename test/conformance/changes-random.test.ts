/** Random changes: `diff` says what two looks at the files say, `commit` keeps it; over each driver. */
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Container } from "../../lib/engine/container.ts";
import { diffBelow } from "../helpers/changes/diff-lines.ts";
import { lookAt, seen } from "../helpers/changes/look.ts";
import {
  RANDOM_IMAGE,
  type Tree,
  differences,
  randomArchive,
  randomChanges,
  treeFrom,
  treeOf,
} from "../helpers/changes/random.ts";
import { testEngine } from "../helpers/engine.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);
const COMMITTED = "localhost/random:changed";
const MARK = "== look\n";
const LOOKS = SEEDS.map((seed) => `echo "${MARK.trim()}"; ${lookAt(`/${treeOf(seed)}`)}`).join(
  "\n",
);
const CHANGES = randomChanges(SEEDS, 25);

const able = requireUserNamespaces();

describe.each(["overlay", "fuse-overlayfs"] as const)("random changes over %s", (driver) => {
  expectNothingLeft();

  const there =
    driver === "overlay" || (requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault()));

  let lines: readonly string[];
  let befores: readonly string[];
  let afters: readonly string[];
  /** What a container of the image shows that was committed. */
  let images: readonly string[];

  beforeAll(async () => {
    if (!able || !there) return;
    const engine = await testEngine({ storageDriver: driver });
    await engine.images.load(await randomArchive(SEEDS));
    const looking = ["sh", "-c", LOOKS];
    const { stdout } = await run(RANDOM_IMAGE, looking, { engine, remove: true, network: "none" });
    befores = stdout.split(MARK).slice(1);

    const script = [`[ -e /changed ] || (${CHANGES}\n)`, ": > /changed", LOOKS].join("\n");
    const command = ["sh", "-c", script];
    const box = await engine.containers.create({ image: RANDOM_IMAGE, command, network: "none" });
    await outputOf(box);
    // Of files of several names fuse-overlayfs shows another picture to who changed them.
    afters = (await outputOf(box)).split(MARK).slice(1);
    await box.commit(COMMITTED);
    const image = await run(COMMITTED, looking, { engine, remove: true, network: "none" });
    images = image.stdout.split(MARK).slice(1);
    lines = (await box.diff()).map(({ kind, path }) => `${kind} ${path}`);
  });

  it.each(SEEDS)("are told as they are: seed %i", (seed) => {
    const at = SEEDS.indexOf(seed);
    const of = (looks: readonly string[]): Tree => treeFrom(seen(looks[at] ?? ""));

    const expected = differences(of(befores), of(afters));

    expect(diffBelow(lines, treeOf(seed))).toEqual(expected);
    expect(expected.length).toBeGreaterThan(1);
  });

  it.each(SEEDS)("are in the image that is made of them: seed %i", (seed) => {
    const at = SEEDS.indexOf(seed);

    expect([...treeFrom(seen(images[at] ?? ""))]).toEqual([...treeFrom(seen(afters[at] ?? ""))]);
  });
});

async function outputOf(box: Container): Promise<string> {
  const process = await box.start();
  const [printed] = await Promise.all([text(process.stdout!), process.wait()]);
  return printed;
}
