/** The words of a config.json mount's `options` → attribute bits, bind flags, file system options. */
import { MarmitaError } from "../errors.ts";
import { BIND } from "../native/plan.ts";

/** MOUNT_ATTR_… of linux/mount.h. */
export const ATTRIBUTE = {
  READONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x20_0000,
} as const;

/** How mounts and unmounts pass between a mount and its copies (mount_namespaces(7)). */
export type Propagation =
  | "private"
  | "rprivate"
  | "slave"
  | "rslave"
  | "shared"
  | "rshared"
  | "unbindable"
  | "runbindable";

export interface MountOptions {
  /** Of ATTRIBUTE. */
  readonly attributes: number;
  readonly bind: boolean;
  readonly recursive: boolean;
  /** What is mounted below is read-only too. */
  readonly readOnlyBelow: boolean;
  readonly idmap: boolean;
  readonly propagation: Propagation;
  /** What is left is the file system's own: `mode=755`. */
  readonly data: readonly string[];
}

const ATIME = ATTRIBUTE.NOATIME | ATTRIBUTE.STRICTATIME;

/** Word → the bits it clears, the bits it sets. A leading `r` (rro) is the same for a whole tree. */
const WORDS: Readonly<Record<string, readonly [clears: number, sets: number]>> = {
  defaults: [0, 0],
  ro: [0, ATTRIBUTE.READONLY],
  rw: [ATTRIBUTE.READONLY, 0],
  nosuid: [0, ATTRIBUTE.NOSUID],
  suid: [ATTRIBUTE.NOSUID, 0],
  nodev: [0, ATTRIBUTE.NODEV],
  dev: [ATTRIBUTE.NODEV, 0],
  noexec: [0, ATTRIBUTE.NOEXEC],
  exec: [ATTRIBUTE.NOEXEC, 0],
  noatime: [ATIME, ATTRIBUTE.NOATIME],
  relatime: [ATIME, 0],
  strictatime: [ATIME, ATTRIBUTE.STRICTATIME],
  nodiratime: [0, ATTRIBUTE.NODIRATIME],
  diratime: [ATTRIBUTE.NODIRATIME, 0],
  nosymfollow: [0, ATTRIBUTE.NOSYMFOLLOW],
  symfollow: [ATTRIBUTE.NOSYMFOLLOW, 0],
};

/** Word → the flags of the operation `bind`. Private is what every mount is that nobody asks for. */
export const PROPAGATION: Readonly<Record<Propagation, number>> = {
  private: 0,
  rprivate: 0,
  slave: BIND.SLAVE | BIND.PROPAGATION_TOP,
  rslave: BIND.SLAVE,
  shared: BIND.SHARED | BIND.PROPAGATION_TOP,
  rshared: BIND.SHARED,
  // What is below keeps to itself as well: a container gets no more of the host for this word.
  unbindable: BIND.UNBINDABLE,
  runbindable: BIND.UNBINDABLE,
};

/** All there are. */
export const PROPAGATIONS = Object.keys(PROPAGATION);

/** Flags of the superblock, ids of somebody's choice, and what other runtimes add of their own. */
const REFUSED = new RegExp(
  "^(?:a?sync|dirsync|(?:no)?mand|(?:no)?iversion|(?:no)?lazytime|silent" +
    "|loud|(?:no)?acl|remount|ridmap|idmap=.*|tmpcopyup|copy-symlink|(?:src|dest)-nofollow" +
    "|norelatime|nostrictatime|atime)$",
);

/** Throws `UNSUPPORTED` for a word whose meaning cannot be kept. */
export function parseMountOptions(words: readonly string[], target: string): MountOptions {
  let attributes = 0;
  let bind = false;
  let recursive = false;
  let readOnlyBelow = false;
  let idmap = false;
  let propagation: Propagation = "rprivate";
  const data: string[] = [];
  for (const word of words) {
    const row = wordRow(word);
    if (REFUSED.test(word)) throw unsupported(word, target);
    if (word === "bind" || word === "rbind") {
      bind = true;
      recursive ||= word === "rbind";
    } else if (word === "idmap") {
      idmap = true;
    } else if (row !== undefined) {
      attributes = (attributes & ~row[0]) | row[1];
      if (/^r?r[ow]$/.test(word)) readOnlyBelow = word === "rro";
    } else if (isPropagation(word)) {
      propagation = word;
    } else {
      data.push(word);
    }
  }
  return { attributes, bind, recursive, readOnlyBelow, idmap, propagation, data };
}

export function isPropagation(word: string): word is Propagation {
  return Object.hasOwn(PROPAGATION, word);
}

function wordRow(word: string): readonly [number, number] | undefined {
  if (Object.hasOwn(WORDS, word)) return WORDS[word];
  const single = word.slice(1);
  return word.startsWith("r") && Object.hasOwn(WORDS, single) ? WORDS[single] : undefined;
}

function unsupported(word: string, target: string): MarmitaError {
  const message = `config.json: mount option ${JSON.stringify(word)} of ${target} is not supported`;
  return new MarmitaError("UNSUPPORTED", message, { details: { option: word, target } });
}

/** The flags of the operation `bind`. Throws `UNSUPPORTED` for what a bind cannot carry. */
export function bindFlags(options: MountOptions, target: string): number {
  const [unknown] = options.data;
  if (unknown !== undefined) throw unsupported(unknown, target);
  const isTopOnly = options.recursive && !options.readOnlyBelow;
  const pairs = [
    [ATTRIBUTE.READONLY, BIND.READONLY | (isTopOnly ? BIND.READONLY_TOP : 0)],
    [ATTRIBUTE.NOSUID, BIND.NOSUID],
    [ATTRIBUTE.NODEV, BIND.NODEV],
    [ATTRIBUTE.NOEXEC, BIND.NOEXEC],
  ] as const;
  const carried = pairs.reduce((bits, [attribute]) => bits | attribute, 0);
  if ((options.attributes & ~carried) !== 0) throw unsupported("noatime and the like", target);
  const always =
    PROPAGATION[options.propagation] |
    (options.recursive ? BIND.RECURSIVE : 0) |
    (options.idmap ? BIND.IDMAP : 0);
  return pairs.reduce(
    (flags, [attribute, flag]) => ((options.attributes & attribute) === 0 ? flags : flags | flag),
    always,
  );
}

/** Throws `UNSUPPORTED` for what only a bind can be: another file system is the container's own. */
export function checkNewMount(options: MountOptions, target: string): void {
  const { propagation, idmap } = options;
  if (PROPAGATION[propagation] !== 0) throw unsupported(propagation, target);
  if (idmap) throw unsupported("idmap", target);
}
