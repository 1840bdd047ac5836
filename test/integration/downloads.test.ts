/** Downloads of blobs while others prune what is left of some. */
import { closeSync } from "node:fs";
import type * as Files from "node:fs/promises";
import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MarmitaError } from "../../lib/errors.ts";
import { removeDownloads } from "../../lib/images/download-garbage.ts";
import { Downloads } from "../../lib/images/downloads.ts";
import { tryLock } from "../../lib/native/syscalls.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { FileBlobStore } from "../../lib/store/blobs.ts";
import { Paths } from "../../lib/store/paths.ts";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";

/** What somebody else does as soon as a file has its name. */
let onRenamed: ((path: string) => Promise<void>) | undefined;

vi.mock("node:fs/promises", async (importOriginal) => {
  const files = await importOriginal<typeof Files>();
  const rename = async (from: string, to: string): Promise<void> => {
    await files.rename(from, to);
    await onRenamed?.(to);
  };
  return { ...files, rename };
});

const TIMES = 60;
const AT_ONCE = 16;

describe("a download", () => {
  afterEach(() => {
    onRenamed = undefined;
  });

  it("is there for who made it though another pull is through with it at once", async () => {
    const paths = new Paths(await temporaryFolder());
    await mkdir(paths.images);
    const downloads = new Downloads({ paths, blobs: new FileBlobStore(paths.blobs) });
    const mediaType = "application/octet-stream";
    const descriptor = { mediaType, digest: digestOf("blob"), size: 4 };
    const body = Readable.from([Buffer.from("blob")]);
    const target = join(paths.root, "target");
    onRenamed = () => downloads.forget([descriptor.digest]);

    await downloads.fetch({ openBlob: async () => ({ offset: 0, body }) }, descriptor, { target });

    expect(await readFile(target, "utf8")).toBe("blob");
  });

  it("comes to its end though prune takes away what it is in", async () => {
    const paths = new Paths(await temporaryFolder());
    await mkdir(paths.images);
    const downloads = new Downloads({ paths, blobs: new FileBlobStore(paths.blobs) });
    let isOver = false;
    const prune = async (): Promise<void> => {
      while (!isOver) await removeDownloads(paths, { olderThanMs: 60_000 });
    };
    const pruning = [prune(), prune()];

    const fetched = async (text: string): Promise<void> => {
      const mediaType = "application/octet-stream";
      const descriptor = { mediaType, digest: digestOf(text), size: text.length };
      const body = Readable.from([Buffer.from(text)]);
      const source = { openBlob: async () => ({ offset: 0, body }) };
      await downloads.fetch(source, descriptor, { target: join(paths.root, text) });
      await downloads.forget([descriptor.digest]);
    };
    const texts = Array.from({ length: TIMES * AT_ONCE }, (_, at) => `blob ${at}`);
    for (let at = 0; at < texts.length; at += AT_ONCE) {
      await Promise.all(texts.slice(at, at + AT_ONCE).map(fetched));
    }
    isOver = true;
    await Promise.all(pruning);

    for (const text of texts) expect(await readFile(join(paths.root, text), "utf8")).toBe(text);
  });
});

describe("a download that failed", () => {
  const mediaType = "application/octet-stream";
  const descriptor = { mediaType, digest: digestOf("blob"), size: 4 };
  const gone = new MarmitaError("NOT_FOUND", "no such blob");

  async function start(): Promise<{ paths: Paths; downloads: Downloads; target: string }> {
    const paths = new Paths(await temporaryFolder());
    await mkdir(paths.images);
    const downloads = new Downloads({ paths, blobs: new FileBlobStore(paths.blobs) });
    return { paths, downloads, target: join(paths.root, "target") };
  }

  it("leaves nothing when not a byte came", async () => {
    const { paths, downloads, target } = await start();
    const source = { openBlob: () => Promise.reject(gone) };

    await expect(downloads.fetch(source, descriptor, { target })).rejects.toThrow(gone);

    expect(await readdir(paths.downloads)).toEqual([]);
  });

  it("leaves what came", async () => {
    const { paths, downloads, target } = await start();
    let isAsked = false;
    const openBlob = async () => {
      if (isAsked) throw gone;
      isAsked = true;
      return { offset: 0, body: Readable.from([Buffer.from("bl")]) };
    };
    const options = { target, pause: async () => undefined };

    await expect(downloads.fetch({ openBlob }, descriptor, options)).rejects.toThrow(gone);

    expect(await readdir(paths.downloads)).toEqual([`${descriptor.digest.slice(7)}.part`]);
  });

  it("that has no byte yet is nothing to follow for who waits", async () => {
    const { paths, downloads, target } = await start();
    await mkdir(paths.downloads);
    const held = tryLock(join(paths.downloads, `${descriptor.digest.slice(7)}.part`), "exclusive");
    const abort = new AbortController();
    const waiting = vi.spyOn(abort.signal, "addEventListener");
    const onGrown = vi.fn<(file: string, bytes: number) => void>();
    const source = { openBlob: () => Promise.reject(gone) };
    const options = { target, onGrown, signal: abort.signal };

    const fetching = downloads.fetch(source, descriptor, options);
    await eventually("somebody who waits", () => waiting.mock.calls[0]);
    const told = onGrown.mock.calls.length;
    if (held !== undefined) closeSync(held);

    await expect(fetching).rejects.toThrow(gone);
    expect(told).toBe(0);
  });
});

describe("what broken downloads left", () => {
  const hex = "a".repeat(64);

  it("goes, and nothing else that lies there", async () => {
    const paths = new Paths(await temporaryFolder());
    await mkdir(join(paths.downloads, `${"b".repeat(64)}.part`), { recursive: true });
    await writeFile(join(paths.downloads, `${hex}.part`), "half");
    await writeFile(join(paths.downloads, "notes"), "mine");

    expect(await removeDownloads(paths)).toBe(4);
    expect(await readdir(paths.downloads)).toEqual([`${"b".repeat(64)}.part`, "notes"]);
  });

  it("goes, and no file of a directory that somebody has linked there", async () => {
    const paths = new Paths(await temporaryFolder());
    const elsewhere = await temporaryFolder();
    await writeFile(join(elsewhere, "notes"), "mine");
    await mkdir(paths.images);
    await symlink(elsewhere, paths.downloads);

    expect(await removeDownloads(paths)).toBe(0);
    expect(await readdir(elsewhere)).toEqual(["notes"]);
  });
});
