import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TarEntry } from "../../fixtures/tar-writer.mjs";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { EngineOptions } from "../../lib/engine/options.ts";
import { changesOf } from "../helpers/changing.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { fuseFault } from "../helpers/fuse.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCan, requireProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const IMAGE = "busybox:diff";

/** Times are long ago: what is copied up has them, what is written has not. */
const LAYERS: readonly (readonly TarEntry[])[] = [
  [
    { path: "data/", type: "directory", mode: 0o755 },
    { path: "data/one", content: "1\n" },
    { path: "data/two", content: "2\n" },
    { path: "data/deep/", type: "directory", mode: 0o755 },
    { path: "data/deep/file", content: "deep\n" },
    { path: "data/link", type: "symlink", target: "one" },
    { path: "empty/", type: "directory", mode: 0o755 },
    { path: "old/", type: "directory", mode: 0o755 },
    { path: "old/file", content: "old\n" },
    { path: "var/", type: "directory", mode: 0o755 },
    { path: "var/run", type: "symlink", target: "/run" },
    { path: "run/", type: "directory", mode: 0o755 },
  ],
  [
    { path: "data/three", content: "3\n" },
    { path: "old/.wh..wh..opq" },
    { path: "old/again", content: "again\n" },
    { path: "data/.wh.two" },
  ],
];

/** What is done, and what `docker diff` prints of it. */
const CHANGES: readonly (readonly [what: string, script: string, ...changes: string[]])[] = [
  ["nothing", "true"],
  ["a new file", "touch /data/new", "C /data", "A /data/new"],
  ["a new file at the top", "touch /new", "A /new"],
  ["a new tree", "mkdir -p /a/b && touch /a/b/c /a/d", "A /a", "A /a/b", "A /a/b/c", "A /a/d"],
  [
    "a file written to",
    "echo more >> /data/deep/file",
    "C /data",
    "C /data/deep",
    "C /data/deep/file",
  ],
  ["a file that was made and removed", "touch /data/x && rm /data/x"],
  ["a deleted file", "rm /data/one", "C /data", "D /data/one"],
  ["a deleted tree", "rm -r /data", "D /data"],
  ["a directory of another layer made anew", "rm -r /old && mkdir /old", "C /old", "D /old/again"],
  [
    "an opaque directory with something there again",
    "rm -r /data && mkdir /data && echo 1 > /data/one && mkdir /data/deep && touch /data/new",
    "C /data",
    "C /data/deep",
    "D /data/deep/file",
    "D /data/link",
    "A /data/new",
    "C /data/one",
    "D /data/three",
  ],
  ["an empty directory made anew", "rmdir /empty && mkdir /empty"],
  ["what a lower layer has deleted", "touch /data/two", "C /data", "A /data/two"],
  ["what a lower layer has hidden", "touch /old/file", "C /old", "A /old/file"],
  ["a renamed file", "mv /data/one /data/uno", "C /data", "D /data/one", "A /data/uno"],
  [
    "a renamed directory",
    "mv /data/deep /deeper",
    "C /data",
    "D /data/deep",
    "A /deeper",
    "A /deeper/file",
  ],
  ["one renamed there and back", "mv /data/deep /x && mv /x /data/deep"],
  [
    "a renamed file that replaces another",
    "mv /data/one /data/three",
    "C /data",
    "D /data/one",
    "C /data/three",
  ],
  ["a replaced file", "cp /data/one /n && mv /n /data/one", "C /data", "C /data/one"],
  ["a mode", "chmod 600 /data/one", "C /data", "C /data/one"],
  ["a directory's mode", "chmod 700 /data/deep", "C /data", "C /data/deep"],
  ["the same mode", "chmod 644 /data/one && chmod 755 /data/deep"],
  ["the same owner", "chown 0:0 /data/one /data/deep"],
  ["a time", "touch -d @1000000 /data/one", "C /data", "C /data/one"],
  ["a directory's time", "touch -d @1000000 /data/deep"],
  [
    "contents of the same size and time",
    "touch -r /data/one /tmp/t && echo 7 > /data/one && touch -r /tmp/t /data/one && rm /tmp/t",
    "C /data",
    "C /data/one",
  ],
  ["a file opened for writing", ": >> /data/one"],
  ["a hard link", "ln /data/one /data/uno", "C /data", "A /data/uno"],
  ["hard links to what is new", "echo > /x && ln /x /data/y", "C /data", "A /data/y", "A /x"],
  [
    "a file that becomes a directory",
    "rm /data/one && mkdir /data/one && touch /data/one/x",
    "C /data",
    "C /data/one",
    "A /data/one/x",
  ],
  [
    "a directory that becomes a file",
    "rm -r /data/deep && touch /data/deep",
    "C /data",
    "C /data/deep",
  ],
  [
    "a directory that becomes a link",
    "rm -r /data/deep && ln -s one /data/deep",
    "C /data",
    "C /data/deep",
  ],
  ["a link that leads elsewhere", "ln -sfn three /data/link", "C /data", "C /data/link"],
  ["a link to an added name", "ln -s /data/one /a", "A /a"],
  ["a fifo", "mkfifo /data/fifo", "C /data", "A /data/fifo"],
  ["a name with odd characters", "touch '/a b' '/ä' \"/q'\"", "A /a b", "A /q'", "A /ä"],
  ["a name that looks like another's whiteout", "touch /data/.whale", "C /data", "A /data/.whale"],
  ["mode, owner and time of the root", "chmod 700 / && touch -d @1 /"],
];

const overlay = requireUserNamespaces();
const fuse = overlay && requireProgram("fuse-overlayfs") && hostCan("use FUSE", fuseFault());

interface Kind extends Omit<EngineOptions, "root"> {
  /** A program instead of fuse-overlayfs. */
  readonly program?: string;
}

/** As it is where no device may be made, in a container of others for one: whiteouts are names. */
const WITHOUT_DEVICES =
  '#!/bin/sh\nexport FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT=1\nPATH=${PATH#*:}\nexec fuse-overlayfs "$@"\n';

describe.each<[string, boolean, Kind]>([
  ["the kernel's overlay", overlay, { storageDriver: "overlay" }],
  ["fuse-overlayfs", fuse, { storageDriver: "fuse-overlayfs" }],
  [
    "fuse-overlayfs without devices",
    fuse,
    { storageDriver: "fuse-overlayfs", program: WITHOUT_DEVICES },
  ],
  ["one id", overlay, { ids: "single", storageDriver: "overlay" }],
])("what a container changed, on %s", (_, able, { program, ...options }) => {
  expectNothingLeft();
  let engine: Engine;

  beforeAll(async () => {
    if (!able) return;
    if (program !== undefined)
      vi.stubEnv("PATH", `${await folderOf(program)}:${process.env["PATH"]}`);
    engine = await testEngine(options);
    await engine.images.load(busyboxWith({ name: IMAGE, layers: LAYERS }));
  });

  afterAll(() => {
    vi.unstubAllEnvs();
  });

  it.runIf(able)("is written by whoever we think it is", async () => {
    const { id } = await run(IMAGE, ["rm", "/data/one"], { engine, network: "none" });
    const names = await readdir(join(engine.root, "containers", id, "upper/data"));
    await engine.containers.remove(id);

    expect(names).toEqual([program === undefined ? "one" : ".wh.one"]);
  });

  it.runIf(able).each(CHANGES)("%s", async (_what, script, ...changes) => {
    expect(await changesOf(engine, script, { image: IMAGE })).toEqual(changes);
  });
});

async function folderOf(program: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "fuse-overlayfs"), program, { mode: 0o755 });
  return folder;
}
