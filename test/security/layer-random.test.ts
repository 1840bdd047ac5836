/** Layers of entries drawn at random from names and types that are known to hurt. */
import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { type TarEntry, tarArchive } from "../../fixtures/tar-writer.mjs";
import { isMarmitaError } from "../../lib/errors.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { startUnpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);
const LAYERS = 12;
const ENTRIES = 20;

describe.runIf(requireUserNamespaces())("a layer of random hostile entries", () => {
  let canary: string;
  let before: string;

  beforeAll(async () => {
    canary = await temporaryFolder();
    await mkdir(join(canary, "directory"));
    await writeFile(join(canary, "directory/file"), "precious");
    await chmod(join(canary, "directory/file"), 0o640);
    before = fingerprint();
  });

  it.each(SEEDS)("touches nothing outside of its directory (seed %i)", async (seed) => {
    const draw = generator(seed);
    const lowers: string[] = [];

    for (let layer = 0; layer < LAYERS; layer++) {
      const tar = tarArchive(Array.from({ length: ENTRIES }, () => entry(draw, canary)));
      const { folder, directory, applying } = await startUnpack(tar, { lowers });
      const error: unknown = await applying.then(
        () => undefined,
        (reason: unknown) => reason,
      );

      expect(words(error)).toMatch(/^(?:fine|(?:CORRUPT|UNAVAILABLE): (?!.*ended with))/);
      expect(readdirSync(folder)).toEqual(["diff"]);
      expect(fingerprint()).toBe(before);
      if (error === undefined) lowers.unshift(directory);
    }
  });

  /** Everything there, with what could be changed of it. */
  function fingerprint(): string {
    const paths = ["", ...readdirSync(canary, { recursive: true, encoding: "utf8" })];
    const lines = paths.sort().map((path) => {
      const { mode, uid, gid, nlink, mtimeMs, size } = lstatSync(join(canary, path));
      return [path, mode, uid, gid, nlink, mtimeMs, size].join(" ");
    });
    return [...lines, readFileSync(join(canary, "directory/file"), "utf8")].join("\n");
  }
});

function words(error: unknown): string {
  if (error === undefined) return "fine";
  return isMarmitaError(error) ? `${error.code}: ${error.message}` : inspect(error);
}

type Draw = <T>(choices: readonly T[]) => T;

/** Marsaglia's xorshift: the same seed, the same layers. */
function generator(seed: number): Draw {
  let state = seed * 2_654_435_761;
  return (choices) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const choice = choices[(state >>> 0) % choices.length];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  };
}

const NAMES = ["a", "b", "c"];
const LAST = [...NAMES, ...NAMES, ".wh.a", ".wh.b", ".wh..wh..opq"];

function entry(draw: Draw, canary: string): TarEntry {
  const isOdd = draw(Array.from({ length: 2 * ENTRIES }, (_, at) => at === 0));
  const types = ["file", "symlink", "link", "fifo", "character"] as const;
  const type = draw(["directory", "symlink", ...types] as const);
  const parts = Array.from({ length: draw([0, 1, 2]) }, () => draw(NAMES));
  const last = isOdd ? draw([".wh..", ".wh...", ".wh.", "..", ""]) : draw(LAST);
  const outward = ["../a", "..", "/", "../../b", canary, `${canary}/directory`, `..${canary}`];
  const inward = ["a", "b", "a/b", "b/c", "c", "."];
  const follows = type === "symlink" || isOdd;
  const target = draw(follows ? [...outward, ...inward, `${canary}/directory/file`] : inward);
  return {
    path: `${draw(["", "", "/", "./"])}${[...parts, last].join("/")}`,
    type,
    mode: draw([0o644, 0o755, 0, 0o4777, 0o7777]),
    uid: draw([0, 1, 1000, 4_000_000]),
    ...(type === "file" && { content: "new" }),
    ...((type === "symlink" || type === "link") && { target }),
  };
}
