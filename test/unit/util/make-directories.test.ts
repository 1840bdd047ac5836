import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeDirectories } from "../../../lib/util/make-directories.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

describe("makeDirectories", () => {
  it("makes what is missing on the way, with the mode asked for", async () => {
    const folder = await temporaryFolder();

    await makeDirectories(join(folder, "a/b/c"), 0o700);

    expect((await stat(join(folder, "a/b"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "a/b/c"))).isDirectory()).toBe(true);
  });

  it("leaves what is there as it is", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "a"), 0o755);

    await makeDirectories(join(folder, "a"), 0o700);

    expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o755);
  });

  it("ends with an error where nothing can be made", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");

    await expect(makeDirectories("/proc/nope/deep", 0o700)).rejects.toMatchObject({
      code: "ENOENT",
    });
    await expect(makeDirectories(join(folder, "file/x"), 0o700)).rejects.toMatchObject({
      code: "ENOTDIR",
    });
  });
});
