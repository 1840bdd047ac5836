/** Small archives that unpack to very much. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { tarEntry } from "../../fixtures/tar-writer.mjs";
import { testEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

describe.runIf(requireUserNamespaces())("an archive", () => {
  expectNothingLeft();

  it.each(["file", "link", "symlink"] as const)(
    "of a great many members of type %s is refused before they fill disk and memory",
    async (type) => {
      const member = tarEntry({ path: "a", type, target: "b" });
      const path = join(await temporaryFolder(), "bomb.tar.gz");
      await writeFile(path, gzipSync(Buffer.alloc(70_000 * member.length, member), { level: 1 }));
      const engine = await testEngine();

      await expect(engine.images.load(path)).rejects.toMatchObject({
        code: "CORRUPT",
        message: expect.stringContaining("more than 65536 files: no image archive") as unknown,
      });

      expect(await readdir(join(engine.root, "images"))).toEqual([]);
    },
  );

  it("that inflates without end can be given up at any time", async () => {
    const header = tarEntry({ path: "a" });
    header.write("77777777777\0", 124); // 8 GiB
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const path = join(await temporaryFolder(), "bomb.tar.gz");
    const zeros = gzipSync(Buffer.alloc(2 ** 26));
    const parts = Array.from({ length: 128 }, () => zeros); // members of one gzip file
    await writeFile(path, Buffer.concat([gzipSync(header), ...parts]));
    const engine = await testEngine();
    const signal = AbortSignal.timeout(300);

    await expect(engine.images.load(path, { signal })).rejects.toMatchObject({
      name: "AbortError",
    });

    expect(await readdir(join(engine.root, "images"))).toEqual([]);
  });
});
