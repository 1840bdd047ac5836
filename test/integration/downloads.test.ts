/** Downloads of blobs while others prune what is left of some. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { removeDownloads } from "../../lib/images/download-garbage.ts";
import { Downloads } from "../../lib/images/downloads.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { FileBlobStore } from "../../lib/store/blobs.ts";
import { Paths } from "../../lib/store/paths.ts";
import { temporaryFolder } from "../helpers/folder.ts";

const TIMES = 60;
const AT_ONCE = 16;

describe("a download", () => {
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
