/** Layers that a script has written to, through an overlay; and what layers show together. */
import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type TarEntry, tarArchive } from "../../fixtures/tar-writer.mjs";
import { temporaryFolder } from "./folder.ts";
import { LISTING, asRoot, unpack } from "./layers.ts";

export interface Written {
  readonly upper: string;
  readonly lowers: readonly string[];
}

/** What a script leaves in the directory that an overlay writes to. */
export async function written(
  script: string,
  below: readonly Iterable<TarEntry>[],
): Promise<Written> {
  const lowers: string[] = [];
  for (const entries of below) {
    lowers.unshift((await unpack(tarArchive(entries), { lowers })).directory);
  }
  if (lowers.length === 0) lowers.push(await temporaryFolder());
  const folder = await temporaryFolder();
  for (const name of ["upper", "work", "merged"]) await mkdir(join(folder, name));
  const options = `userxattr,lowerdir=${lowers.join(":")},upperdir=upper,workdir=work`;
  const mount = 'cd "$1"; mount -t overlay -o "$2" overlay merged; cd merged';
  asRoot(`${mount}\n${script}`, folder, options);
  return { upper: join(folder, "upper"), lowers };
}

/** One line for each entry, as tar(1) lists them, without more than one space in a row. */
export function listTar(path: string): readonly string[] {
  const args = ["--utc", "--full-time", "--numeric-owner", "-tvf", path];
  const lines = execFileSync("tar", args, { encoding: "utf8", env: { LC_ALL: "C" } });
  return lines.replaceAll(/ +/g, " ").trimEnd().split("\n").filter(Boolean);
}

/** The names alone, and where links lead. */
export function namesOf(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^.*?\d\d:\d\d:\d\d(\.\d+)? +/, ""));
}

/** What layers show through an overlay, with all that a layer keeps of a file. */
export async function seen(layers: readonly string[]): Promise<readonly string[]> {
  const attributes = 'find . -mindepth 1 -printf "%P %y %m %T@ %l\\n"';
  const inodes = 'find . -mindepth 1 ! -type d -printf "inode %i %P\n"';
  const mount = 'mount -t overlay -o "userxattr,lowerdir=$1" overlay "$2"; cd "$2"';
  const script = [mount, LISTING, attributes, inodes].join("\n");
  const lines = asRoot(script, layers.join(":"), await temporaryFolder()).split("\n");
  const isInode = (line: string) => line.startsWith("inode ");
  return [...lines.filter((line) => !isInode(line)), ...sameFiles(lines.filter(isInode))].sort();
}

/** `inode 7 a`, `inode 7 b` → `a = b` */
function sameFiles(lines: readonly string[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const line of lines) {
    const [, inode = "", ...rest] = line.split(" ");
    names.set(inode, [...(names.get(inode) ?? []), rest.join(" ")]);
  }
  return [...names.values()].map((paths) => paths.sort().join(" = "));
}

/** What a person might do to the files of `randomLayers()`. What cannot be done is left. */
export function randomScript(seed: number): string {
  let state = seed * 7919;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const name = () => Array.from({ length: 1 + next(3) }, () => "abc"[next(3)]).join("/");
  const deeds = [
    () => `rm -rf ${name()}`,
    () => `mkdir -p ${name()}`,
    // Whoever opens a fifo waits.
    () => `f=${name()}; [ -p $f ] || echo ${next(1_000)} > $f`,
    () => `f=${name()}; [ -p $f ] || echo more >> $f`,
    () => `ln -sfn ${name()} ${name()}`,
    () => `ln ${name()} ${name()}`,
    () => `mv ${name()} ${name()}`,
    () => `chmod ${["700", "4755", "1777", "640"][next(4)]} ${name()}`,
    () => `touch -h -d @${next(1_000_000)}.${next(1_000)} ${name()}`,
    () => `mkfifo ${name()}`,
    () => `f=${name()}; [ -p $f ] || truncate -s ${next(100_000)} $f`,
    () => `d=${name()}; rm -rf $d; mkdir $d; echo again > $d/a`,
  ];
  const lines = Array.from({ length: 40 }, () => deeds[next(deeds.length)]?.() ?? ":");
  return ["exec 2>/dev/null", ...lines.map((line) => `{ ${line}; } || :`)].join("\n");
}
