/** Device nodes in a layer, also those that an overlay would take for whiteouts. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../helpers/folder.ts";
import { unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with device nodes", () => {
  it("is unpacked without them, and they are counted", async () => {
    const { directory, devices, entries } = await unpack("devices");

    expect(await readdir(join(directory, "dev"))).toEqual(["file"]);
    expect({ devices, entries }).toEqual({ devices: 2, entries: 3 });
  });

  it("cannot hide files of the layers below by the device 0:0", async () => {
    const lower = await temporaryFolder();
    await mkdir(join(lower, "etc"));

    const { directory, devices } = await unpack("device-as-whiteout", { lowers: [lower] });

    expect(await readdir(directory)).toEqual([]);
    expect(devices).toBe(1);
  });
});
