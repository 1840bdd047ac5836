/** A bundle's mount options, word by word: what each asks of a mount, of all below it, of its file system. */
import { MarmitaError } from "../errors.ts";
import type { SpecMount } from "../oci/runtime-spec.ts";
import { ATTRIBUTE, PROPAGATIONS, type Propagation, isPropagation } from "./mount-options.ts";

/** Bits of MOUNT_ATTR_…: those to be set, and those to be cleared before. */
export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

export interface BundleMountOptions {
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly remount: boolean;
  /** Of the mount itself. Of `clear`, a bind keeps what its source forbids, but for its atime. */
  readonly top: AttributeChange;
  /** Of the mount and all below it: the words with an `r` before them. */
  readonly tree: AttributeChange;
  /** MS_… of the file system as a whole. */
  readonly superblock: number;
  /** The words of fsconfig(2) for the same, where it has one; those that clear too. */
  readonly superblockWords: readonly string[];
  readonly propagation: Propagation | undefined;
  readonly idmap: IdmapOption | undefined;
  readonly tmpcopyup: boolean;
  /** What is left is the file system's own: `mode=755`. */
  readonly data: readonly string[];
}

export interface IdmapOption {
  readonly recursive: boolean;
  /** crun's `idmap=uids=0-1000-1;gids=0-1000-1`: lines of maps. */
  readonly maps?: { readonly uids: string; readonly gids: string };
}

const { READONLY, NOSUID, NODEV, NOEXEC, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW } =
  ATTRIBUTE;
/** MOUNT_ATTR__ATIME: one of three, changed as a whole. */
const ATIME = 0x70;

/** Word → the bits it clears, the bits it sets. A leading `r` is the same for a whole tree. */
const ATTRIBUTES: Readonly<Record<string, readonly [clears: number, sets: number]>> = {
  ro: [0, READONLY],
  rw: [READONLY, 0],
  nosuid: [0, NOSUID],
  suid: [NOSUID, 0],
  nodev: [0, NODEV],
  dev: [NODEV, 0],
  noexec: [0, NOEXEC],
  exec: [NOEXEC, 0],
  noatime: [ATIME, NOATIME],
  atime: [ATIME, 0],
  relatime: [ATIME, 0],
  strictatime: [ATIME, STRICTATIME],
  nostrictatime: [ATIME, 0],
  nodiratime: [0, NODIRATIME],
  diratime: [NODIRATIME, 0],
  nosymfollow: [0, NOSYMFOLLOW],
  symfollow: [NOSYMFOLLOW, 0],
  // What the kernel does of itself where neither of the others is asked for (Linux 2.6.30).
  norelatime: [0, 0],
};

/** MS_… of mount(2), and fsconfig(2)'s word where it has one. */
const SUPERBLOCK: Readonly<Record<string, readonly [clears: number, sets: number, word?: string]>> =
  {
    sync: [0, 1 << 4, "sync"],
    async: [1 << 4, 0, "async"],
    mand: [0, 1 << 6, "mand"],
    nomand: [1 << 6, 0, "nomand"],
    dirsync: [0, 1 << 7, "dirsync"],
    acl: [0, 1 << 16],
    noacl: [1 << 16, 0],
    iversion: [0, 1 << 23],
    noiversion: [1 << 23, 0],
    lazytime: [0, 1 << 25, "lazytime"],
    nolazytime: [1 << 25, 0, "nolazytime"],
    // What the kernel's log says of a mount: nothing of the mount depends on it.
    silent: [0, 0],
    loud: [0, 0],
    defaults: [0, 0],
  };

/** MS_… that fsconfig(2) has no word for: only a mount that is new can have them. */
export const SUPERBLOCK_WORDLESS = (1 << 16) | (1 << 23);

/** Every word that has a meaning whatever the file system. */
export const BUNDLE_MOUNT_WORDS: readonly string[] = [
  ...Object.keys(ATTRIBUTES).flatMap((word) => [word, `r${word}`]),
  ...Object.keys(SUPERBLOCK),
  ...PROPAGATIONS,
  "bind",
  "rbind",
  "remount",
  "idmap",
  "ridmap",
  "tmpcopyup",
].sort();

/** What other runtimes add of their own, and is not carried out: crun's, of links as sources. */
const REFUSED = /^(?:copy-symlink|(?:src|dest)-nofollow)$/;

class Words {
  bind = false;
  recursive = false;
  remount = false;
  tmpcopyup = false;
  top = { set: 0, clear: 0 };
  tree = { set: 0, clear: 0 };
  superblock = 0;
  readonly superblockWords: string[] = [];
  propagation: Propagation | undefined;
  idmap: IdmapOption | undefined;
  readonly data: string[] = [];

  /** False for a word that is nobody's but the file system's. */
  take(word: string): boolean {
    return this.#takeAttribute(word) || this.#takeSuperblock(word) || this.#takeOther(word);
  }

  #takeAttribute(word: string): boolean {
    const row = rowOf(ATTRIBUTES, word);
    if (row !== undefined) {
      this.top = change(this.top, row);
      return true;
    }
    const below = word.startsWith("r") ? rowOf(ATTRIBUTES, word.slice(1)) : undefined;
    if (below === undefined) return false;
    this.tree = change(this.tree, below);
    return true;
  }

  #takeSuperblock(word: string): boolean {
    const row = rowOf(SUPERBLOCK, word);
    if (row === undefined) return false;
    const [clears, sets, name] = row;
    this.superblock = (this.superblock & ~clears) | sets;
    if (name !== undefined) this.superblockWords.push(name);
    return true;
  }

  #takeOther(word: string): boolean {
    if (isPropagation(word)) {
      this.propagation = word;
      return true;
    }
    switch (word) {
      case "bind":
      case "rbind":
        this.bind = true;
        this.recursive ||= word === "rbind";
        return true;
      case "remount":
        this.remount = true;
        return true;
      case "tmpcopyup":
        this.tmpcopyup = true;
        return true;
      case "idmap":
      case "ridmap":
        this.idmap = { recursive: word === "ridmap" };
        return true;
      default:
        return false;
    }
  }
}

/**
 * Words that exclude each other: the last one counts. Throws with `details.option`: `UNSUPPORTED`
 * for a word whose meaning cannot be kept, `INVALID_ARGUMENT` for one that has none.
 */
export function parseBundleMountOptions(mount: SpecMount): BundleMountOptions {
  const words = new Words();
  for (const word of mount.options ?? []) {
    if (REFUSED.test(word)) throw unsupportedOption(mount, word, "is not supported");
    const given = /^(r?)idmap=(.*)$/.exec(word);
    if (given === null) {
      if (!words.take(word)) words.data.push(word);
      continue;
    }
    const maps = parseMaps(given[2] ?? "");
    if (maps === undefined) {
      const how = "is no map as in idmap=uids=0-1000-1;gids=0-1000-1";
      throw wrongOption(mount, word, how);
    }
    words.idmap = { recursive: given[1] === "r", maps };
  }
  return words;
}

/** An option whose meaning cannot be kept: `UNSUPPORTED`, with `details` `{ option, target }`. */
export function unsupportedOption(mount: SpecMount, option: string, fault: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", optionText(mount, option, fault), {
    details: { field: "mounts", option, target: mount.destination },
  });
}

/** The same for one that has no meaning: `INVALID_ARGUMENT`. */
export function wrongOption(mount: SpecMount, option: string, fault: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", optionText(mount, option, fault), {
    details: { field: "mounts", option, target: mount.destination },
  });
}

function optionText({ destination }: SpecMount, option: string, fault: string): string {
  return `config.json: mount option ${JSON.stringify(option)} of ${destination} ${fault}`;
}

function rowOf<T>(rows: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(rows, word) ? rows[word] : undefined;
}

/** The kernel clears first. What is cleared is remembered: of some mounts it can be taken away. */
function change(
  { set, clear }: AttributeChange,
  [clears, sets]: readonly [number, number],
): AttributeChange {
  return { set: (set & ~clears) | sets, clear: (clear & ~sets) | clears };
}

/** crun(1): `uids=0-1-10#10-100-5;gids=…`: of the file system, of the mount, how many. */
function parseMaps(text: string): { uids: string; gids: string } | undefined {
  const match = /^uids=([\d#-]+);gids=([\d#-]+)$/.exec(text);
  const [uids, gids] = [match?.[1], match?.[2]].map(parseMap);
  return uids === undefined || gids === undefined ? undefined : { uids, gids };
}

function parseMap(text: string | undefined): string | undefined {
  const rows = text?.split("#").map((row) => /^(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(row));
  if (rows === undefined || rows.includes(null)) return undefined;
  return rows.map((row) => `${row?.slice(1).join(" ")}\n`).join("");
}
