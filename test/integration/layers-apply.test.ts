/** One layer's tar becomes a directory: every kind of entry, and every form of tar. */
import { execFileSync } from "node:child_process";
import { lstat, mkdir, readFile, readdir, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tarArchive } from "../../fixtures/tar-writer.mjs";
import { manyEntries, sparseContent } from "../../fixtures/tars.mjs";
import { temporaryFolder } from "../helpers/folder.ts";
import { asRoot, seenOutside, testNamespace, unpack } from "../helpers/layers.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

const names = (directory: string) => readdir(directory, { recursive: true });
const text = (...path: string[]) => readFile(join(...path), "utf8");

describe("a layer's names", () => {
  it.each([
    ["gnu-long-path", `${"d".repeat(150)}/${"f".repeat(150)}`],
    ["pax-path", `${"é".repeat(60)}/${"f".repeat(200)}`],
    ["ustar-prefix", `${"p".repeat(120)}/f`],
    ["go-prefix", `${"p".repeat(120)}/f`],
    ["deep-path", `${"d/".repeat(1_500)}f`],
    ["newline-in-name", "one\ntwo"],
    ["newline-in-name", 'quote"\\'],
    ["contiguous", "f"],
    ["signed-checksum", "fé"],
    ["pax-size", "f"],
    ["global-header", "f"],
    ["missing-end", "f"],
    ["missing-padding", "f"],
    ["lone-zero-block", "f"],
    ["data-after-end", "f"],
    ["size-on-directory", "d/f"],
  ])("are right in %s", async (name, path) => {
    const { directory } = await unpack(name);

    expect((await stat(join(directory, path))).isFile()).toBe(true);
  });

  it.each(["empty", "only-end"])("may be none at all: %s", async (name) => {
    const { directory, entries } = await unpack(name);

    expect(await readdir(directory)).toEqual([]);
    expect(entries).toBe(0);
  });

  it("may be 5,000", async () => {
    const { directory, entries } = await unpack(manyEntries(5_000));

    expect(entries).toBe(5_000);
    expect(await names(directory)).toHaveLength(5_000 + 50);
  });
});

describe("a layer's links", () => {
  it.each([
    ["hardlink", ["target", "name"]],
    ["hardlink-before-target", ["a", "b", "c"]],
    ["hardlink-to-itself", ["a"]],
    ["v7", ["old/file", "old/link"]],
  ])("are one file: %s", async (name, paths) => {
    const { directory } = await unpack(name);

    const found = await Promise.all(paths.map((path) => stat(join(directory, path))));
    expect(new Set(found.map(({ ino }) => ino)).size).toBe(1);
    expect(found[0]?.nlink).toBe(paths.length);
  });

  it("may be to a symbolic link, which is not followed", async () => {
    const { directory } = await unpack("hardlink-to-symlink");

    expect(await readlink(join(directory, "name"))).toBe("nowhere");
  });

  it("may be to a file of a lower layer, which is copied with all it has", async () => {
    const lower = await temporaryFolder();
    await mkdir(join(lower, "etc"), { mode: 0o750 });
    await writeFile(join(lower, "etc/file"), "below", { mode: 0o640 });

    const { directory } = await unpack("hardlink-to-lower", { lowers: [lower] });

    expect(await text(directory, "new/name")).toBe("below");
    const [copy, link] = [
      await stat(join(directory, "etc/file")),
      await stat(join(directory, "new/name")),
    ];
    expect(copy.ino).toBe(link.ino);
    expect(copy.mode & 0o7777).toBe(0o640);
    expect((await stat(join(directory, "etc"))).mode & 0o7777).toBe(0o750);
    expect(copy.mtimeMs).toBe((await stat(join(lower, "etc/file"))).mtimeMs);
  });

  it("say the last word on owner, mode, time and attributes of their file", async () => {
    const first = { mode: 0o644, mtime: 1_000, pax: { "SCHILY.xattr.user.one": "1" } };
    const tar = tarArchive([
      { path: "file", content: "x", ...first },
      { path: "name", type: "link", target: "file", mode: 0o4711, mtime: 2_000, uid: 7, gid: 8 },
      { path: "way", type: "symlink", target: "gone", mtime: 1_000 },
      { path: "same way", type: "link", target: "way", mode: 0o777, mtime: 3_000 },
    ]);

    const { directory } = await unpack(tar, { ids: "single" });

    const file = await stat(join(directory, "file"));
    expect(file.mode & 0o7777).toBe(0o711); // no set-id bit without its owner
    expect(file.mtimeMs).toBe(2_000_000);
    expect((await lstat(join(directory, "way"))).mtimeMs).toBe(3_000_000);
    const { namespace } = await testNamespace();
    if (namespace.uids.length === 1 && namespace.uids[0]?.size === 1) return;
    const mapped = await stat(join((await unpack(tar)).directory, "file"));
    expect(mapped.mode & 0o7777).toBe(0o4711);
    expect([mapped.uid, mapped.gid]).toEqual([
      seenOutside(namespace.uids, 7),
      seenOutside(namespace.gids, 8),
    ]);
  });

  it("leave a capability of their file alone, when they say the same", async () => {
    const pax = { "SCHILY.xattr.user.kept": "yes" };
    const { directory } = await unpack(
      tarArchive([
        { path: "file", content: "x", mode: 0o4755, pax },
        { path: "name", type: "link", target: "file", mode: 0o4755 },
      ]),
    );

    expect((await stat(join(directory, "file"))).mode & 0o7777).toBe(0o4755);
  });

  it("keep long targets", async () => {
    const { directory } = await unpack("gnu-long-link");

    expect(await readlink(join(directory, "link"))).toBe("t".repeat(300));
  });
});

describe("a layer's entries that come again", () => {
  it.each([
    ["duplicate", ["f"]],
    ["file-over-directory", ["a"]],
    ["directory-over-file", ["a", "a/b"]],
    ["directory-over-symlink", ["a", "a/b", "real"]],
    ["symlink-over-directory", ["a"]],
    ["symlink-parent", ["link", "real", "real/f"]],
  ])("replace the earlier ones: %s", async (name, expected) => {
    const { directory } = await unpack(name);

    expect((await names(directory)).filter((path) => !path.startsWith("link/")).sort()).toEqual(
      expected,
    );
  });

  it("have the later contents and mode", async () => {
    const { directory } = await unpack("duplicate");

    expect(await text(directory, "f")).toBe("second");
    expect((await stat(join(directory, "f"))).mode & 0o7777).toBe(0o640);
  });

  it("are merged when both are directories, with the later mode", async () => {
    const { directory } = await unpack("directory-twice");

    expect(asRoot('ls "$1/a"', directory)).toBe("b\n");
    expect((await stat(join(directory, "a"))).mode & 0o7777).toBe(0o500);
  });

  it("cannot lie below a file", async () => {
    await expect(unpack("file-parent")).rejects.toThrow(
      "apply a/b: open parent a: not a directory",
    );
  });
});

describe("a layer's attributes", () => {
  it("are set-id bits, sticky bits and modes without any permission", async () => {
    const { directory } = await unpack("modes");

    const mode = async (name: string) => (await lstat(join(directory, name))).mode & 0o7777;
    expect(await mode("setuid")).toBe(0o4755);
    expect(await mode("sticky")).toBe(0o1777);
    expect(await mode("locked")).toBe(0);
    expect(await mode("fifo")).toBe(0o640);
    expect((await lstat(join(directory, "fifo"))).isFIFO()).toBe(true);
  });

  it("are owners, as far as the namespace has them", async (context) => {
    const { namespace, mapping } = await testNamespace();
    if (mapping.mode === "single") context.skip(`one id only: ${mapping.reason}`);

    const { directory } = await unpack("modes");

    const found = await stat(join(directory, "setgid"));
    expect(found.uid).toBe(seenOutside(namespace.uids, 1));
    expect(found.gid).toBe(seenOutside(namespace.gids, 2));
    expect(found.mode & 0o7777).toBe(0o2755);
    const shared = await stat(join(directory, "shared"));
    expect(shared.mode & 0o7777).toBe(0o2775);
    expect((await stat(join(directory, "shared/f"))).gid).toBe(seenOutside(namespace.gids, 0));
  });

  it("are times to the nanosecond, also of directories and before 1970", async () => {
    const { directory } = await unpack("times");

    const mtime = async (name: string) =>
      (await stat(join(directory, name), { bigint: true })).mtimeNs;
    expect(await mtime("ns")).toBe(1_234_567_890_123_456_789n);
    expect(await mtime("before-1970")).toBe(-1_250_000_000n);
    expect(await mtime("base-256")).toBe(-86_400_000_000_000n);
    expect(await mtime("d")).toBe(1_111_111_111_000_000_000n);
  });

  it("are extended attributes, also capabilities", async () => {
    const { directory, xattrs } = await unpack("pax-xattr");

    const script =
      "cd \"$1\"; python3 -c \"import os; print(os.listxattr('ping'), os.getxattr('d', 'user.comment'))\"";
    expect(xattrs).toBe(0);
    expect(asRoot(script, directory)).toContain("['user.comment', 'security.capability']");
    expect(asRoot(script, directory)).toContain("b'on a directory'");
  });

  it("of the root are those of its entry, else those of the layer below", async () => {
    const lower = await temporaryFolder();
    execFileSync("chmod", ["0711", lower]);

    const own = await unpack("root-entry", { lowers: [lower] });
    const inherited = await unpack("hardlink", { lowers: [lower] });
    const none = await unpack("hardlink");

    expect((await stat(own.directory)).mode & 0o7777).toBe(0o700);
    expect((await stat(own.directory)).mtimeMs).toBe(1_000_000_000);
    expect((await stat(inherited.directory)).mode & 0o7777).toBe(0o711);
    expect((await stat(none.directory)).mode & 0o7777).toBe(0o755);
  });
});

describe("a layer's sparse files", () => {
  it.each(["sparse-gnu", "sparse-0.0", "sparse-0.1", "sparse-1.0"])(
    "are whole, with their holes: %s",
    async (name) => {
      const { directory } = await unpack(name);

      expect((await readFile(join(directory, "f"))).equals(sparseContent())).toBe(true);
      expect(await text(directory, "after")).toBe("x");
      expect((await stat(join(directory, "f"))).blocks * 512).toBeLessThan(65_536);
    },
  );

  it("may have more extents than a header holds, or none", async () => {
    const many = await unpack("sparse-gnu-extended");
    const none = await unpack("sparse-hole-only");

    const bytes = await readFile(join(many.directory, "f"));
    expect(bytes.filter((byte) => byte === 0x65)).toHaveLength(30);
    expect(bytes[29 * 4096]).toBe(0x65);
    expect((await stat(join(none.directory, "f"))).size).toBe(131_072);
  });
});
