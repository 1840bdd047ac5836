import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { draftPath, removeDrafts, writeAtomic } from "../../../lib/store/atomic.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

describe("writeAtomic", () => {
  it.each([{ durable: true }, { durable: false }, {}])(
    "writes and replaces: %j",
    async (options) => {
      const folder = await temporaryFolder();
      const path = join(folder, "file");

      await writeAtomic(path, "one", options);
      await writeAtomic(path, Buffer.from("two"), options);

      expect(await readFile(path, "utf8")).toBe("two");
      expect(await readdir(folder)).toEqual(["file"]);
    },
  );

  it("leaves what was there, and no draft, when it fails", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "directory");
    await mkdir(path);

    await expect(writeAtomic(path, "text")).rejects.toThrow("EISDIR");

    expect(await readdir(folder)).toEqual(["directory"]);
  });

  it("sets the mode asked for", async () => {
    const path = join(await temporaryFolder(), "secret");

    await writeAtomic(path, "x", { mode: 0o600 });

    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

describe("removeDrafts", () => {
  it("takes drafts away, files and directories, and nothing else", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(draftPath(folder), "inner"), { recursive: true });
    await writeFile(draftPath(folder), "x");
    await writeFile(join(folder, "draft"), "kept");

    await removeDrafts(folder);

    expect(await readdir(folder)).toEqual(["draft"]);
  });
});
