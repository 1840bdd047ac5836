/** Random changes to random trees, the same for the same seed; and what `diff` must say of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer } from "../../../fixtures/busybox.mjs";
import { changeProgram } from "../../../fixtures/change.mjs";
import { imageArchive } from "../../../fixtures/image-archive.mjs";
import { numbers, pick, randomLayers } from "../../../fixtures/random-layers.mjs";
import { type TarEntry, tarArchive } from "../../../fixtures/tar-writer.mjs";
import { temporaryFolder } from "../folder.ts";

export const RANDOM_IMAGE = "localhost/random:1";

/** Where the tree of a seed is. */
export function treeOf(seed: number): string {
  return `trees/${seed}`;
}

/** An archive of an image that has a tree of many layers for each seed. */
export async function randomArchive(seeds: readonly number[]): Promise<string> {
  const layers: TarEntry[][] = [
    [{ path: "bin/change", mode: 0o755, content: readFileSync(changeProgram()) }],
  ];
  for (const seed of seeds) {
    for (const [at, entries] of randomLayers(seed).entries()) {
      const layer = (layers[at + 1] ??= []);
      if (at === 0) layer.push({ path: treeOf(seed), type: "directory", mode: 0o755 });
      layer.push(...entries.map((entry) => inside(treeOf(seed), entry)));
    }
  }
  const path = join(await temporaryFolder(), "random.tar");
  const tars = [busyboxLayer(), ...layers.map((entries) => tarArchive(entries))];
  writeFileSync(path, imageArchive({ layers: tars, name: RANDOM_IMAGE }));
  return path;
}

/** A script that changes the tree of each seed; what cannot be done is not. */
export function randomChanges(seeds: readonly number[], count: number): string {
  const parts = seeds.map((seed) => {
    const random = numbers(seed * 7919);
    const steps = Array.from({ length: count }, () => randomChange(random));
    return [`cd /${treeOf(seed)}`, ...steps].join("\n");
  });
  return ["exec 2>/dev/null", ...parts].join("\n");
}

const NAMES = ["a", "b", "c", "d"];

type Random = (limit: number) => number;

function randomChange(random: Random): string {
  const path = () => Array.from({ length: 1 + random(3) }, () => pick(random, NAMES)).join("/");
  const one = path();
  const other = path();
  return pick(random, [
    `echo ${random(1e6)} > ${one}`,
    `echo ${random(1e6)} >> ${one}`,
    `true >> ${one}`,
    `rm -r ${one}`,
    `rm -r ${one}; mkdir -p ${one}`,
    `rm -r ${one}; mkdir -p ${one} && echo ${random(1e6)} > ${one}/${pick(random, NAMES)}`,
    `mkdir -p ${one}`,
    `mv -T ${one} ${other}`,
    `mv ${one} ${other}/`,
    `cp -a ${one} ${other}`,
    `change rename ${one} ${other}`,
    `change exchange ${one} ${other}`,
    `change link ${one} ${other}`,
    `ln -sfn ${random(1e6)} ${one}`,
    `chmod ${pick(random, ["600", "644", "755", "700", "4711"])} ${one}`,
    `chown -h ${random(3)}:${random(3)} ${one}`,
    `change settime ${one} ${random(3) * 1000} 0`,
    `change setxattr ${one} user.x 0${random(3)}`,
  ]);
}

function inside(place: string, entry: TarEntry): TarEntry {
  return {
    ...entry,
    path: `${place}/${entry.path}`,
    ...(entry.type === "link" ? { target: `${place}/${entry.target}` } : {}),
  };
}

/** Path → everything that counts to `diff`. */
export type Tree = ReadonlyMap<string, string>;

/** Of lines that `seen()` made. */
export function treeFrom(lines: readonly string[]): Tree {
  const tree = new Map<string, string>();
  const add = (path: string, fact: string) => {
    tree.set(path, [tree.get(path), fact].filter(Boolean).join(" "));
  };
  // What a thing is comes first of its facts.
  for (const line of lines.toSorted((one, other) => rank(one) - rank(other))) {
    const [kind = "", path = "", ...facts] = line.split("|");
    const [, sum, file = ""] = /^([0-9a-f]{32}) {2}(.*)$/.exec(line) ?? [];
    const [, owner = "", xattr] = /^(\S+) (\S+=\S*)$/.exec(line) ?? [];
    if (kind === "stat") add(path, statFacts(facts));
    else if (kind === "link") add(path, `→ ${facts.join(" ")}`);
    else if (sum !== undefined) add(file, sum);
    else if (xattr !== undefined) add(owner, xattr);
    else throw new Error(`not to be understood: ${line}`);
  }
  return tree;
}

/** Without the names it shares its inode with, and of a directory without the time. */
function statFacts([type = "", mode, owner, size, time, device]: readonly string[]): string {
  return [type, mode, owner, size, type === "directory" ? "" : time, device].join(" ");
}

function rank(line: string): number {
  return line.startsWith("stat|") ? 0 : 1;
}

/**
 * What turns one tree into the other, as `diff` has it: what is new, what differs and what is
 * gone, and the directories on the way. Times of directories do not count.
 */
export function differences(before: Tree, after: Tree): readonly string[] {
  const found = new Map<string, string>();
  for (const [path, facts] of after) {
    const old = before.get(path);
    if (old === undefined) found.set(path, "A");
    else if (old !== facts) found.set(path, "C");
  }
  for (const path of before.keys()) {
    const parent = parentOf(path);
    if (!after.has(path) && after.get(parent)?.startsWith("directory") === true) {
      found.set(path, "D");
    }
  }
  for (const path of found.keys()) {
    for (let at = parentOf(path); !found.has(at) && at !== ""; at = parentOf(at)) {
      found.set(at, "C");
    }
  }
  return [...found].map(([path, kind]) => `${kind} ${path.slice(1) || "/"}`).sort();
}

/** `./a/b` → `./a` → `.` → nothing. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
