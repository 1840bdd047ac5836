/** The archives that images are saved in, as other programs read them. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile, readlink, stat, truncate, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ArchiveMember, writeArchive } from "../../lib/images/archive-writer.ts";
import { pipe } from "../../lib/native/syscalls.ts";
import { temporaryFolder } from "../helpers/folder.ts";

/** Written to a file of a folder of its own. */
async function written(
  members: readonly ArchiveMember[],
  options: { readonly mtime?: number; readonly flags?: string; readonly signal?: AbortSignal } = {},
): Promise<{ folder: string; tar: string; size: number }> {
  const folder = await temporaryFolder();
  const tar = join(folder, "archive.tar");
  const { flags = "w", ...rest } = options;
  const fd = openSync(tar, flags);
  try {
    return { folder, tar, ...(await writeArchive(members, { fd, ...rest })) };
  } finally {
    closeSync(fd);
  }
}

async function blob(size: number): Promise<string> {
  const path = join(await temporaryFolder(), "blob");
  await writeFile(path, Buffer.alloc(size, "0123456789abcdef\n"));
  return path;
}

const bytes = Buffer.from("{}");

describe("an archive", () => {
  it("has files, bytes, links and directories, as tar reads them", async () => {
    const file = await blob(3_000_001);
    const longName = `${"d".repeat(150)}/${"f".repeat(150)}`;

    const { folder, tar, size } = await written(
      [
        { name: "blobs/" },
        { name: "blobs/one", file },
        { name: "manifest.json", bytes },
        { name: "empty", bytes: Buffer.alloc(0) },
        { name: "link", link: "blobs/one" },
        { name: "same", hardLink: "blobs/one" },
        { name: longName, bytes },
      ],
      { mtime: 86_400 },
    );

    const listing = execFileSync("tar", ["--utc", "-tvf", tar], { encoding: "utf8" });
    const when = "1970-01-02 00:00";
    expect(listing.trimEnd().split("\n")).toEqual([
      expect.stringMatching(new RegExp(`^drwxr-xr-x 0/0 +0 ${when} blobs/$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 +3000001 ${when} blobs/one$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 +2 ${when} manifest.json$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 +0 ${when} empty$`)),
      expect.stringMatching(new RegExp(`^lrwxrwxrwx 0/0 +0 ${when} link -> blobs/one$`)),
      expect.stringMatching(new RegExp(`^hrw-r--r-- 0/0 +0 ${when} same link to blobs/one$`)),
      expect.stringMatching(new RegExp(`^-rw-r--r-- 0/0 +2 ${when} ${longName}$`)),
    ]);
    execFileSync("tar", ["-xf", tar], { cwd: folder });
    expect((await readFile(join(folder, "blobs/one"))).equals(await readFile(file))).toBe(true);
    expect(await readFile(join(folder, "manifest.json"), "utf8")).toBe("{}");
    expect(await readlink(join(folder, "link"))).toBe("blobs/one");
    expect(size).toBe((await stat(tar)).size);
  });

  it("is the same bytes each time", async () => {
    const members = [
      { name: "one", file: await blob(1_000) },
      { name: "two", bytes },
    ];

    const first = await written(members);
    const second = await written(members);

    expect((await readFile(first.tar)).equals(await readFile(second.tar))).toBe(true);
  });

  it("of nothing is an empty tar", async () => {
    const { tar, size } = await written([]);

    expect(size).toBe(1_024);
    expect(execFileSync("tar", ["-tf", tar], { encoding: "utf8" })).toBe("");
  });

  it("is added to what is there, where the descriptor appends", async () => {
    const file = await blob(100_000);
    const { tar, size } = await written([{ name: "one", file }], { flags: "a" });
    const before = await readFile(tar);
    const fd = openSync(tar, "a");

    await writeArchive([{ name: "one", file }], { fd });
    closeSync(fd);

    expect((await readFile(tar)).equals(Buffer.concat([before, before]))).toBe(true);
    expect(size).toBe(before.length);
  });

  it("waits for whoever reads it, also on a descriptor that does not block", async () => {
    const { read, write } = pipe();
    const reader = new Socket({ fd: read, readable: true, writable: false });
    const file = await blob(2_000_000);

    const writing = writeArchive([{ name: "one", file }], { fd: write });
    void writing.finally(() => closeSync(write));
    const parts: Buffer[] = [];
    for await (const part of reader) parts.push(part as Buffer);

    expect(Buffer.concat(parts).length).toBe((await writing).size);
  });
});

describe("an archive that cannot be written", () => {
  it("names the file that is not there", async () => {
    await expect(written([{ name: "one", file: "/no/such/blob" }])).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "ENOENT",
      message: expect.stringContaining("/no/such/blob"),
    });
  });

  it("says that nobody reads it any more", async () => {
    const { read, write } = pipe();
    closeSync(read);

    const writing = writeArchive([{ name: "one", file: await blob(200_000) }], { fd: write });

    await expect(writing).rejects.toMatchObject({ code: "UNAVAILABLE", errno: "EPIPE" });
    closeSync(write);
  });

  it("says that the disk is full", async () => {
    const fd = openSync("/dev/full", "w");

    const writing = writeArchive([{ name: "one", file: await blob(200_000) }], { fd });

    await expect(writing).rejects.toMatchObject({
      errno: "ENOSPC",
      hint: expect.stringContaining("where the archive is written"),
    });
    closeSync(fd);
  });

  it("ends with the signal that aborts it", async () => {
    const { read, write } = pipe();
    const abort = new AbortController();

    const file = await blob(2_000_000);
    const writing = writeArchive([{ name: "one", file }], { fd: write, signal: abort.signal });
    setImmediate(() => abort.abort());

    await expect(writing).rejects.toMatchObject({ name: "AbortError" });
    closeSync(read);
    closeSync(write);
  });

  it("is not one with a shorter file than it promised", async () => {
    const { read, write } = pipe();
    const file = await blob(400_000);
    const writing = writeArchive([{ name: "one", file }], { fd: write });
    writing.catch(() => undefined);
    const reader = new Socket({ fd: read, readable: true, writable: false });
    let isFirst = true;

    for await (const _ of reader) {
      if (!isFirst) continue;
      isFirst = false;
      await truncate(file, 10);
      void writing.catch(() => undefined).finally(() => closeSync(write));
    }

    await expect(writing).rejects.toMatchObject({ errno: "EIO" });
  });

  it.each([
    ["an empty name", { name: "", bytes }],
    ["a directory's name for a file", { name: "a/", bytes }],
    ["a NUL in a name", { name: "a\0b", bytes }],
  ])("is refused with %s", async (_, member) => {
    await expect(written([member])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
