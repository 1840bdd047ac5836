/** Headers that lie: sizes, checksums, maps of sparse files, ends that are none. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { startUnpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer whose headers lie", () => {
  it.each([
    ["size-too-long", "apply f: read tar at byte 2048: unexpected end"],
    ["size-too-short", "read tar at byte 1536: wrong header checksum"],
    ["size-negative", "read tar at byte 512: impossible size"],
    ["size-enormous", "apply f: read tar at byte 1536: unexpected end"],
    ["truncated-header", "read tar at byte 300: unexpected end"],
    ["truncated-content", "apply f: read tar at byte 1512: unexpected end"],
    ["bad-checksum", "read tar at byte 1536: wrong header checksum"],
    ["bad-number", "read tar at byte 512: malformed size"],
    ["zero-block-between", "read tar at byte 2048: wrong header checksum"],
    ["pax-huge", "read tar at byte 512: extended header of impossible size"],
    ["pax-malformed", "wrong length of a pax record"],
    ["pax-no-newline", "wrong length of a pax record"],
    ["pax-last", "extended header without an entry"],
    ["nul-in-name", "malformed pax record path"],
    ["empty-name", "replace the root of the layer"],
    ["sparse-overlap", "map of a sparse file out of order"],
    ["sparse-beyond", "map of a sparse file of another size"],
    ["sparse-short", "map of a sparse file of another size"],
    ["sparse-count", "malformed map of a sparse file"],
  ])("%s is refused, saying where", async (name, message) => {
    const { applying, folder } = await startUnpack(oddTar(name));

    await expect(applying).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(message),
    });
    expect(await readdir(folder)).toEqual(["diff"]);
  });

  it("refuses entries of unknown types by name", async () => {
    const { applying } = await startUnpack(oddTar("unknown-type"));

    await expect(applying).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("entry volume of type 0x56"),
    });
  });

  it.each(["name-300", "name-5000"])("refuses names the system cannot hold: %s", async (name) => {
    const { applying } = await startUnpack(oddTar(name));

    await expect(applying).rejects.toMatchObject({ errno: "ENAMETOOLONG" });
  });
});
