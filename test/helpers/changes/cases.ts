/** Changes to a container's files, one a row: what `diff` and `commit` are held against. */

/** What is changed; the script runs in a directory of its own that has the tree of `image.ts`. */
export type ChangeCase = readonly [name: string, script: string];

const WHITEOUTS: readonly ChangeCase[] = [
  ["a file is removed", "rm file"],
  ["a file of the upper layer is removed", "rm dir/three"],
  ["a file of both layers is removed", "rm dir/two"],
  ["a directory is removed", "rm -r dir"],
  ["an empty directory is removed", "rmdir empty"],
  ["a link is removed", "rm link"],
  ["a pipe is removed", "rm fifo"],
  ["one of two hard links is removed", "rm hard1"],
  ["all hard links are removed", "rm hard1 hard2"],
  ["everything is removed", "rm -r * .hidden"],
  ["a new file is removed again", "echo new > new && rm new"],
  ["a new directory is removed again", "mkdir new && echo x > new/x && rm -r new"],
  ["a file is removed and made again", "rm file && echo content > file && touch -d @2000000 file"],
  ["what the upper layer removed is made again", "echo again > gone"],
  ["what the upper layer removed is made and removed", "echo again > gone && rm gone"],
];

const OPAQUE: readonly ChangeCase[] = [
  ["a directory is made anew, empty", "rm -r dir && mkdir dir"],
  ["a directory is made anew with other files", "rm -r dir && mkdir dir && echo new > dir/new"],
  [
    "a directory is made anew with some of its files",
    "rm -r dir && mkdir dir && echo new > dir/one && echo new > dir/new",
  ],
  ["a deep directory is made anew", "rm -r dir/deep && mkdir -p dir/deep/new"],
  [
    "a directory is made anew with a deep part",
    "rm -r dir && mkdir -p dir/deep/er && echo new > dir/deep/er/new",
  ],
  [
    "what the upper layer made anew is made anew",
    "rm -r remade && mkdir remade && echo x > remade/x",
  ],
  ["a file goes into what the upper layer made anew", "echo x > remade/lost"],
  ["a directory is made anew and removed", "rm -r dir && mkdir dir && echo x > dir/x && rm -r dir"],
  ["all files of a directory are removed", "rm -r dir/* "],
];

const RENAMES: readonly ChangeCase[] = [
  ["a file is renamed", "mv file name"],
  ["a file is moved into a directory", "mv file dir/"],
  ["a file is moved over another", "mv file other"],
  ["a file is moved away and back", "mv file name && mv name file"],
  ["a link is renamed", "mv link name"],
  ["a directory is renamed", "mv dir name"],
  ["a directory is moved into another", "mv dir empty/"],
  ["two files change names", "mv file t && mv other file && mv t other"],
  ["two files change names at once", "change exchange file other"],
  ["two directories change names", "mv dir t && mv remade dir && mv t remade"],
  ["a new directory takes an old one's name", "mkdir n && echo n > n/n && rm -r dir && mv n dir"],
  ["a new directory is renamed", "mkdir n && echo n > n/n && change rename n m"],
];

const REPLACED: readonly ChangeCase[] = [
  ["a file is written anew", "echo new > file"],
  [
    "a file is written anew at the same size and time",
    "echo CONTENT > file && touch -d @2000000 file",
  ],
  ["a file is appended to", "echo more >> big"],
  ["a file is replaced as editors do", "echo new > .tmp && mv .tmp file"],
  ["a file is opened for writing only", ": >> file"],
  [
    "a file is written with what it had",
    "cat file > /tmp/same && cat /tmp/same > file && rm /tmp/same",
  ],
  ["a file is made shorter", "truncate -s 3 big"],
  ["a file gets a hole", "truncate -s 1000000 big"],
  ["a deep file is written anew", "echo new > dir/deep/er/file"],
  ["a file is written through a link", "echo new > link"],
  ["a link points elsewhere", "ln -sfn other link"],
  ["a setuid file is written to", "echo new >> suid"],
];

const METADATA: readonly ChangeCase[] = [
  ["a file's mode changes", "chmod 600 file"],
  ["a file's mode is set to what it was", "chmod 644 file"],
  ["a file's mode changes and changes back", "chmod 600 file && chmod 644 file"],
  ["a file gets setuid", "chmod 4755 file"],
  ["a setuid file changes its owner", "chown 8:8 suid"],
  ["a file's owner changes", "chown 1000:50 file"],
  ["a file's owner is set to what it was", "chown 1000:50 owned"],
  ["a file's time changes", "touch -d @3000000 file"],
  ["a file's time changes by nanoseconds", "change settime file 2000000 5"],
  ["a file is only read", "cat file dir/one"],
  ["a directory's mode changes", "chmod 700 dir"],
  ["a directory's owner changes", "chown 1000:50 dir"],
  ["a directory's time changes", "touch -d @3000000 dir"],
  ["a directory is removed from and looks as before", "rm dir/one && touch -d @1000000 dir"],
  ["a deep directory's mode changes", "chmod 1777 dir/deep/er"],
  ["a link's owner changes", "chown -h 1000:50 link"],
  ["a link's time changes", "change settime link 3000000 0"],
  ["a pipe's mode changes", "chmod 600 fifo"],
  ["a file gets an extended attribute", "change setxattr file user.new 6e6577"],
  ["an extended attribute changes", "change setxattr noted user.note 6e6577"],
  ["an extended attribute goes", "change removexattr noted user.note"],
  ["a directory gets an extended attribute", "change setxattr dir user.new 6e6577"],
  [
    "a file gets a capability",
    `change setxattr file security.capability ${capability("00200000")}`,
  ],
  ["a file's capability goes", "change removexattr capable security.capability"],
  ["a capable file's time changes", "touch -d @3000000 capable"],
];

const HARD_LINKS: readonly ChangeCase[] = [
  ["a file gets a second name", "ln file new"],
  ["a file gets a second name in another directory", "ln file dir/new"],
  ["a new file has two names", "echo new > n1 && ln n1 n2"],
  ["a new file has three names in three directories", "echo n > n && ln n dir/n && ln n empty/n"],
  ["a file of two names is written through one", "echo new > hard1"],
  ["a file of two names changes its mode", "chmod 600 hard2"],
  ["a file of two names gets a third", "ln hard1 hard3"],
  ["one of two names is renamed", "mv hard1 name"],
  ["a link gets a second name", "change link link new"],
  ["a new link has two names", "ln -s nowhere n1 && change link n1 n2"],
  ["a new pipe has two names", "mkfifo n1 && ln n1 n2"],
  ["one of two new names goes", "echo new > n1 && ln n1 n2 && rm n1"],
  ["a name of another file takes the place of a file", "ln -f other file"],
];

const TYPES: readonly ChangeCase[] = [
  ["a file becomes a directory", "rm file && mkdir file && echo x > file/x"],
  ["a file becomes a link", "ln -sf other file"],
  ["a file becomes a pipe", "rm file && mkfifo file"],
  ["a directory becomes a file", "rm -r dir && echo x > dir"],
  ["a directory becomes a link", "rm -r dir && ln -s empty dir"],
  ["a link becomes a directory", "rm link && mkdir link && echo x > link/x"],
  ["a link becomes a file", "rm link && echo x > link"],
  ["a pipe becomes a file", "rm fifo && echo x > fifo"],
  [
    "a directory becomes a file and a directory again",
    "rm -r dir && echo > dir && rm dir && mkdir dir",
  ],
];

const NEW: readonly ChangeCase[] = [
  ["a file is new", "echo new > new"],
  ["an empty file is new", ": > new"],
  ["directories are new", "mkdir -p new/in/new && echo x > new/in/new/file"],
  ["an empty directory is new", "mkdir -m 1770 new"],
  ["a link is new", "ln -s file new"],
  ["a link with a long target is new", `ln -s ${"target/".repeat(60)} new`],
  ["a pipe is new", "mkfifo -m 600 new && chown 8:8 new"],
  ["a socket is new", "change socket new"],
  ["a file that nobody may read is new", "echo x > new && mkdir n && mv new n && chmod 0 n/new n"],
  ["all bits are new", "for m in 4711 2755 1644 6777 7000; do echo > n$m; chmod $m n$m; done"],
  ["owners are new", "echo > n && chown 60000:60001 n && mkdir m && chown 1:2 m"],
  [
    "names are odd",
    String.raw`touch "$(printf 'two\nlines')" "$(printf 'a\ttab')" ' spaces ' '"quotes"' 'back\slash' -- -dash maçã 饭盒`,
  ],
  ["a name is no text", String.raw`echo x > "$(printf '\377\376')"`],
  ["a name is long", `echo x > ${"n".repeat(255)}`],
  ["a path is long", `mkdir -p ${deep(8)} && echo x > ${deep(8)}/file`],
  ["times are far", "change settime file -1000000 0 && change settime other 5000000000 0"],
  ["times have nanoseconds", "echo > new && change settime new 1500000000 123456789"],
  [
    "an extended attribute is large",
    `echo > new && change setxattr new user.large ${"5a".repeat(2000)}`,
  ],
  ["an extended attribute is binary", "echo > new && change setxattr new user.binary 000a3d00ff"],
  [
    "a file with a capability is new",
    `echo > new && change setxattr new security.capability ${capability("00200000")}`,
  ],
  ["a file is large", "dd if=/dev/zero bs=1000 count=3001 2>/dev/null | tr '\\0' x > new"],
];

/** By the words of the list. */
export const CASES: Readonly<Record<string, readonly ChangeCase[]>> = {
  whiteouts: WHITEOUTS,
  "opaque directories": OPAQUE,
  renames: RENAMES,
  "replaced files": REPLACED,
  "metadata only": METADATA,
  "hard links": HARD_LINKS,
  "types changed": TYPES,
  "new files": NEW,
};

/** security.capability, version 2: permitted capabilities as little-endian hex. */
export function capability(permitted: string): string {
  return `01000002${permitted}${"00000000".repeat(3)}`;
}

function deep(levels: number): string {
  return Array.from({ length: levels }, (_, at) => String(at).repeat(40)).join("/");
}
