/** What every BlobStore promises. Call it from the test of each implementation. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../lib/oci/digest.ts";
import type { BlobStore } from "../../lib/store/blobs.ts";

const ABSENT = digestOf("never stored");
const bytes = (content: string) => Readable.from([Buffer.from(content)]);

export function describeBlobStore(create: () => Promise<BlobStore>): void {
  describe("as a BlobStore", () => {
    let blobs: BlobStore;

    beforeEach(async () => {
      blobs = await create();
    });

    it("reads back what was written", async () => {
      const { digest, size } = await blobs.write(bytes("feijoada"));

      expect(size).toBe(8);
      expect(digest).toBe(digestOf("feijoada"));
      expect(await text(await blobs.open(digest))).toBe("feijoada");
      expect(await blobs.size(digest)).toBe(8);
    });

    it("stores nothing at all, too", async () => {
      const { digest, size } = await blobs.write(Readable.from([]));

      expect(size).toBe(0);
      expect(await text(await blobs.open(digest))).toBe("");
    });

    it("accepts the same bytes twice", async () => {
      const first = await blobs.write(bytes("same"));

      expect(await blobs.write(bytes("same"))).toEqual(first);
    });

    it("accepts the same bytes from two writers at once", async () => {
      const both = await Promise.all([blobs.write(bytes("twin")), blobs.write(bytes("twin"))]);

      expect(both[0]).toEqual(both[1]);
      expect(await text(await blobs.open(both[0].digest))).toBe("twin");
    });

    it("keeps nothing when the digest does not match", async () => {
      await expect(blobs.write(bytes("other"), { expected: ABSENT })).rejects.toMatchObject({
        code: "CORRUPT",
        details: { expected: ABSENT },
      });

      expect(await blobs.has(ABSENT)).toBe(false);
      expect(await blobs.has(digestOf("other"))).toBe(false);
    });

    it("keeps nothing when the source breaks", async () => {
      const broken = Readable.from(halfThenReset());

      await expect(blobs.write(broken)).rejects.toThrow("connection reset");

      expect(await blobs.has(digestOf("half"))).toBe(false);
    });

    it("stops when aborted", async () => {
      const silent = new Readable({ read() {} });
      const abort = new AbortController();

      const writing = blobs.write(silent, { signal: abort.signal });
      abort.abort();

      await expect(writing).rejects.toMatchObject({ name: "AbortError" });
    });

    it("says NOT_FOUND for a blob it lacks", async () => {
      const absent = expect.objectContaining({ code: "NOT_FOUND" });

      await expect(blobs.open(ABSENT)).rejects.toEqual(absent);
      await expect(blobs.size(ABSENT)).rejects.toEqual(absent);
      await expect(blobs.read(ABSENT, 10)).rejects.toEqual(absent);
      expect(await blobs.has(ABSENT)).toBe(false);
    });

    it("reads small blobs whole, and refuses larger ones", async () => {
      const { digest } = await blobs.write(bytes("feijoada"));

      expect((await blobs.read(digest, 8)).toString()).toBe("feijoada");
      await expect(blobs.read(digest, 7)).rejects.toMatchObject({ code: "CORRUPT" });
    });

    it("deletes, and deletes again", async () => {
      const { digest } = await blobs.write(bytes("gone"));

      await blobs.delete(digest);
      await blobs.delete(digest);

      expect(await blobs.has(digest)).toBe(false);
    });
  });
}

async function* halfThenReset() {
  yield Buffer.from("half");
  throw new Error("connection reset");
}
