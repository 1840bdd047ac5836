import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../lib/oci/digest.ts";
import { FileBlobStore } from "../../../lib/store/blobs.ts";
import { describeBlobStore } from "../../contract/blob-store.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

describe("FileBlobStore", () => {
  describeBlobStore(async () => new FileBlobStore(await temporaryFolder()));

  it("leaves no draft behind when the source breaks", async () => {
    const folder = await temporaryFolder();
    const broken = Readable.from(halfThenReset());

    await expect(new FileBlobStore(folder).write(broken)).rejects.toThrow("connection reset");

    expect(await readdir(folder)).toEqual(["sha256"]);
  });

  it("puts blobs where the OCI image layout has them", async () => {
    const folder = await temporaryFolder();
    const blobs = new FileBlobStore(folder);

    const { digest } = await blobs.writeBytes(Buffer.from("{}"));

    expect(digest).toBe(digestOf("{}"));
    expect(await readdir(folder, { recursive: true })).toEqual([
      "sha256",
      `sha256/${digestOf("{}").slice(7)}`,
    ]);
  });

  it("takes a draft over, and repairs a blob that was damaged", async () => {
    const folder = await temporaryFolder();
    const blobs = new FileBlobStore(folder);
    const digest = digestOf("whole");
    await blobs.writeBytes(Buffer.from("whole"));
    await writeFile(blobs.path(digest), "wh");
    const draft = join(folder, ".draft-1");
    await writeFile(draft, "whole");

    await blobs.adopt({ draft, digest });

    expect((await blobs.read(digest, 5)).toString()).toBe("whole");
    expect(await readdir(folder)).toEqual(["sha256"]);
  });

  it("says CORRUPT when another tool changed the bytes", async () => {
    const blobs = new FileBlobStore(await temporaryFolder());
    const { digest } = await blobs.writeBytes(Buffer.from("{}"));
    await writeFile(blobs.path(digest), "[]");

    await expect(blobs.read(digest, 10)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { expected: digest, actual: digestOf("[]") },
    });
  });
});

async function* halfThenReset() {
  yield Buffer.from("half");
  throw new Error("connection reset");
}
