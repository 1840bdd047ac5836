/** Names that start at the root of the machine. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

describe("a layer with absolute names", () => {
  it("is unpacked into its own directory", async () => {
    const { directory } = await unpack("absolute-name");

    expect(await readFile(join(directory, "etc/absolute"), "utf8")).toBe("x");
    expect(existsSync("/etc/absolute")).toBe(false);
  });
});
