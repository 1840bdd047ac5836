/** What the verb `blob` makes of a layer that is to be compressed. */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { feedVerb } from "../../lib/images/feed.ts";
import type { HelperEvent } from "../../lib/native/helper.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { output } from "../helpers/command.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { requireProgram } from "../helpers/user-namespaces.ts";

/** More than one block of the compressor, and not a whole number of them. */
const content = Buffer.alloc(3_000_001, "feijoada ");

async function compressed(
  bytes: Uint8Array,
  form: "gzip" | "zstd",
): Promise<{ event: HelperEvent; file: string; folder: string }> {
  const folder = await temporaryFolder();
  const input = join(await temporaryFolder(), "input");
  const file = join(folder, "output");
  await writeFile(input, bytes);
  const event = await feedVerb("blob", input, { args: [`--${form}`, file] });
  return { event, file, folder };
}

describe("a blob that is compressed on the way", () => {
  it("is the same content in gzip, known by its digests and sizes", async () => {
    const { event, file } = await compressed(content, "gzip");

    const written = await readFile(file);
    expect(gunzipSync(written).equals(content)).toBe(true);
    expect(event).toMatchObject({
      event: "blob",
      digest: digestOf(written),
      size: written.length,
      diffId: digestOf(content),
      diffSize: content.length,
      compression: "gzip",
    });
  });

  it.runIf(requireProgram("zstd"))("is the same content in zstd", async () => {
    const { event, file } = await compressed(content, "zstd");

    expect(digestOf(output(["zstd", "-dc", file]))).toBe(digestOf(content));
    const written = await readFile(file);
    expect(event).toMatchObject({ digest: digestOf(written), compression: "zstd" });
  });

  it("depends on the content alone, not on how that was compressed before", async () => {
    const once = await compressed(content, "gzip");
    const again = await compressed(gzipSync(content, { level: 1 }), "gzip");

    expect(again.event).toEqual(once.event);
  });

  it("of nothing is a gzip of nothing", async () => {
    const { event, file } = await compressed(Buffer.alloc(0), "gzip");

    expect(gunzipSync(await readFile(file))).toHaveLength(0);
    expect(event).toMatchObject({ diffSize: 0, diffId: digestOf("") });
  });

  it("leaves no file behind when its input is cut short", async () => {
    const cut = gzipSync(content).subarray(0, -9);
    const folder = await temporaryFolder();
    const input = join(await temporaryFolder(), "input");
    await writeFile(input, cut);

    await expect(
      feedVerb("blob", input, { args: ["--gzip", join(folder, "output")] }),
    ).rejects.toMatchObject({ code: "CORRUPT" });
    expect(await readdir(folder)).toEqual([]);
  });
});
