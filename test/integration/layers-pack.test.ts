/** What a container wrote becomes a layer that shows the same, wherever it is unpacked. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { randomLayers } from "../../fixtures/random-layers.mjs";
import { type TarEntry, tarArchive } from "../../fixtures/tar-writer.mjs";
import { applyLayer } from "../../lib/layers/inside.ts";
import { type PackOptions, type PackedLayer, packLayer } from "../../lib/layers/pack.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { asRoot, overlayFault, testNamespace, unpack } from "../helpers/layers.ts";
import { hostCan, hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import {
  type Written,
  listTar,
  namesOf,
  randomScript,
  seen,
  written,
} from "../helpers/written-layers.ts";

const able = requireUserNamespaces();

type Packing = Partial<Pick<PackOptions, "compression" | "epoch" | "signal" | "skip" | "driver">>;

async function pack(
  { upper, lowers }: Written,
  options: Packing & { readonly ids?: "auto" | "single" } = {},
): Promise<PackedLayer & { readonly output: string }> {
  const { ids = "auto", ...rest } = options;
  const { namespace } = await testNamespace(ids);
  const output = join(await temporaryFolder(), "blob");
  const packed = await packLayer(namespace, { upper, lowers, skip: [], output, ...rest });
  return { ...packed, output };
}

/** One line for each entry, as tar(1) lists them. */
async function listed(source: Written, options: Packing & { ids?: "auto" | "single" } = {}) {
  const { output } = await pack(source, { ...options, compression: "none" });
  return listTar(output);
}

const base: readonly TarEntry[] = [
  { path: "etc", type: "directory", mode: 0o755, mtime: 1_000 },
  { path: "etc/passwd", content: "root", mode: 0o644, mtime: 1_000 },
  { path: "etc/group", content: "wheel", mode: 0o644, mtime: 1_000 },
  { path: "old", type: "directory", mode: 0o700, mtime: 1_000 },
  { path: "old/file", content: "old", mode: 0o600, mtime: 1_000 },
  { path: "link", type: "symlink", target: "etc/passwd", mode: 0o777 },
];

describe.runIf(able)("a packed layer", () => {
  let isOverlayThere = false;
  beforeAll(async () => {
    isOverlayThere = hostCan("lay layers over each other", await overlayFault());
  });

  it("has what is new, changed and gone, in the order of the names", async (context) => {
    if (!isOverlayThere) return context.skip();
    const source = await written(
      [
        "echo new > etc/new; chmod 4755 etc/new; touch -d @2000.5 etc/new",
        "rm etc/group; chmod 600 etc/passwd; touch -d @1500 etc",
        "rm -r old; mkdir old; ln -s nowhere old/link; mkfifo old/fifo; ln etc/new old/same",
        ": 3<>link", // opened for writing, and not written to
      ].join("\n"),
      [base],
    );

    const lines = await listed(source);

    expect(namesOf(lines)).toEqual([
      "etc/",
      "etc/.wh.group",
      "etc/new",
      "etc/passwd",
      "old/",
      "old/.wh..wh..opq",
      "old/fifo",
      "old/link -> nowhere",
      "old/same link to etc/new",
    ]);
    expect(lines).toContain("drwxr-xr-x 0/0 0 1970-01-01 00:25:00 etc/");
    expect(lines).toContain("-rwsr-xr-x 0/0 4 1970-01-01 00:33:20.5 etc/new");
    expect(lines).toContain("-rw------- 0/0 4 1970-01-01 00:16:40 etc/passwd");
    expect(lines).toContain("---------- 0/0 0 1970-01-01 00:00:00 etc/.wh.group");
  });

  it("of a container that did nothing has no entries", async (context) => {
    if (!isOverlayThere) return context.skip();
    const source = await written(":", [base]);

    expect(await pack(source)).toMatchObject({ entries: 0, diffSize: 1_024 });
  });

  it.for([
    ["a file that was made and removed", "echo x > old/x; rm old/x", ["old/"]],
    ["a file that was only opened", ": 3<>etc/passwd", ["etc/"]],
    ["a mode that is as it was", "chmod 600 etc/group; chmod 644 etc/group", ["etc/"]],
    ["a time of a directory", "touch -d @5 old", ["old/"]],
  ] as const)("has no more than the directory of %s", async ([, script, names], context) => {
    if (!isOverlayThere) return context.skip();

    expect(namesOf(await listed(await written(script, [base])))).toEqual(names);
  });

  it("has the root directory where that itself was changed", async (context) => {
    if (!isOverlayThere) return context.skip();

    expect(namesOf(await listed(await written("chmod 700 .", [base])))).toEqual(["./"]);
  });

  it.each(["gzip", "zstd", "none"] as const)("is what it says: %s", async (compression) => {
    const source = await made();

    const packed = await pack(source, { compression });

    const bytes = await readFile(packed.output);
    expect(packed.digest).toBe(digestOf(bytes));
    expect(packed.size).toBe(bytes.length);
    const tar = await pack(source, { compression: "none" });
    expect(packed.diffId).toBe(tar.digest);
    expect(packed.diffSize).toBe(tar.size);
    expect(packed.entries).toBe(3);
  });

  it("is a gzip that others unpack, in as many members as it has blocks", async () => {
    const source = await made();
    await writeFile(join(source.upper, "large"), Buffer.alloc(5 << 20, "feijoada"));

    const { output, diffId } = await pack(source);

    expect(digestOf(gunzipSync(await readFile(output)))).toBe(diffId);
    const piped = execFileSync("gzip", ["-dc", output], { maxBuffer: 16 << 20 });
    expect(digestOf(piped)).toBe(diffId);
  });

  it("is the same bytes again", async () => {
    const source = await made();

    const [one, other] = [await pack(source), await pack(source)];

    expect(one.digest).toBe(other.digest);
  });

  it("has no time after the epoch that was given, so that it can be made again", async () => {
    const [one, other] = [await made(), await made()];

    const packed = await Promise.all([one, other].map((each) => pack(each, { epoch: 86_400 })));

    expect(packed[0]?.digest).toBe(packed[1]?.digest);
    const times = (await listed(one, { epoch: 86_400 })).map(
      (line) => /1970\S+ \S+/.exec(line)?.[0],
    );
    expect(times).toEqual(["1970-01-02 00:00:00", "1970-01-02 00:00:00", "1970-01-01 00:00:07.25"]);
  });

  it("leaves out mount points, and what was made for them", async () => {
    const { upper, lowers } = await made();
    await mkdir(join(upper, "srv/data"), { recursive: true });

    const lines = await listed({ upper, lowers }, { skip: ["/srv/data", "/d/file"] });

    expect(namesOf(lines)).toEqual(["d/", "d/old"]);
  });

  it("keeps attributes, but those of overlays, and capabilities as those of root", async (context) => {
    const source = await made();
    const script = [
      "import os, struct, sys",
      "path = sys.argv[1]",
      "os.setxattr(path, 'user.dish', b'feijoada\\0\\n')",
      "os.setxattr(path, 'user.overlay.origin', b'x')",
      "os.setxattr(path, 'user.fuseoverlayfs.origin', b'x')",
      "os.setxattr(path, 'security.capability', struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0))",
    ].join("\n");
    try {
      asRoot('python3 -c "$1" "$2"', script, join(source.upper, "d/file"));
    } catch (error) {
      return context.skip(String(error));
    }

    const { output } = await pack(source, { compression: "none" });

    const tar = await readFile(output);
    const found = [...tar.toString("latin1").matchAll(/SCHILY\.xattr\.([^=]+)=/g)];
    expect(found.map(([, name]) => name)).toEqual(["security.capability", "user.dish"]);
    const value = Buffer.from("0100000200040000000000000000000000000000", "hex");
    expect(
      tar.includes(Buffer.concat([Buffer.from("security.capability="), value, Buffer.from("\n")])),
    ).toBe(true);
    expect(tar.includes("user.dish=feijoada\0\n\n")).toBe(true);
  });

  it("has capabilities of another namespace's root as those of root", async (context) => {
    const { upper, lowers } = await made();
    const script = [
      "import os, struct, sys",
      "value = struct.pack('<6I', 0x03000001, 1 << 10, 0, 0, 0, 5)",
      "os.setxattr(sys.argv[1], 'security.capability', value)",
    ].join("\n");
    if (process.getuid?.() !== 0) {
      return context.skip(hostCannot("give such capabilities", "only root may"));
    }
    execFileSync("python3", ["-c", script, join(upper, "d/file")]);

    const { output } = await pack({ upper, lowers }, { compression: "none" });

    const value = Buffer.from("0100000200040000000000000000000000000000", "hex");
    const record = Buffer.concat([Buffer.from("security.capability="), value, Buffer.from("\n")]);
    expect((await readFile(output)).includes(record)).toBe(true);
  });

  it("gives files their attributes back: lists of who may what, capabilities, the user's own", async (context) => {
    const { upper, lowers } = await made();
    // Root may write, group 0 may read, as setfacl -m g:0:r has it.
    const set = [
      "import os, struct, sys",
      "entry = lambda tag, bits, id=0xffffffff: struct.pack('<HHI', tag, bits, id)",
      "acl = struct.pack('<I', 2) + entry(1, 6) + entry(4, 4) + entry(8, 4, 0) + entry(16, 4) + entry(32, 0)",
      "capability = struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0)",
      "os.chdir(sys.argv[1])",
      "os.setxattr('d/file', 'system.posix_acl_access', acl)",
      "os.setxattr('d', 'system.posix_acl_default', acl)",
      "os.setxattr('d', 'user.dish', b'feijoada')",
      "os.setxattr('d/file', 'security.capability', capability)",
    ].join("\n");
    const get = [
      "import os, sys",
      "os.chdir(sys.argv[1])",
      "for path in ('d', 'd/file'):",
      "  for name in sorted(os.listxattr(path)): print(path, name, os.getxattr(path, name).hex())",
    ].join("\n");
    try {
      asRoot('python3 -c "$1" "$2"', set, upper);
    } catch (error) {
      return context.skip(String(error));
    }

    const { output } = await pack({ upper, lowers });
    const target = join(await temporaryFolder(), "diff");
    await mkdir(target);
    const { namespace } = await testNamespace();
    await applyLayer(namespace, { blob: output, target, lowers: [] });

    const wanted = asRoot('python3 -c "$1" "$2"', get, upper);
    expect(asRoot('python3 -c "$1" "$2"', get, target)).toBe(wanted);
    expect(wanted.trimEnd().split("\n")).toHaveLength(4);
  });

  it("may be one that fuse-overlayfs wrote", async () => {
    const lower = (await unpack(tarArchive(base))).directory;
    const upper = join(await temporaryFolder(), "upper");
    await mkdir(upper);
    await mkdir(join(upper, "old"));
    await mkdir(join(upper, "etc"));
    await writeFile(join(upper, "etc/.wh.group"), "");
    await writeFile(join(upper, "old/.wh..wh..opq"), "");

    const lines = await listed({ upper, lowers: [lower] }, { driver: "fuse-overlayfs" });

    expect(namesOf(lines)).toEqual(["etc/", "etc/.wh.group", "old/", "old/.wh..wh..opq"]);
  });

  it.for(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    "shows what was written, when it is unpacked: random changes, seed %i",
    async (seed, context) => {
      if (!isOverlayThere) return context.skip();
      const source = await written(randomScript(seed), randomLayers(seed));
      const { output } = await pack(source, { compression: seed % 2 === 0 ? "gzip" : "zstd" });
      const target = join(await temporaryFolder(), "diff");
      await mkdir(target);

      const { namespace } = await testNamespace();
      await applyLayer(namespace, { blob: output, target, lowers: source.lowers });

      const before = await seen([source.upper, ...source.lowers]);
      expect(await seen([target, ...source.lowers])).toEqual(before);
      expect(before.length).toBeGreaterThan(3);
    },
  );
});

describe.runIf(able)("with one id, a packed layer", () => {
  const owned: readonly TarEntry[] = [
    { path: "etc", type: "directory", mode: 0o755, mtime: 1_000 },
    { path: "etc/shadow", content: "secret", mode: 0o640, gid: 42, mtime: 1_000 },
    { path: "etc/replaced", content: "old", mode: 0o640, gid: 42, mtime: 1_000 },
    { path: "mail", type: "directory", mode: 0o2775, gid: 8, mtime: 1_000 },
    { path: "su", content: "program", mode: 0o4755, uid: 7, mtime: 1_000 },
  ];

  it("gives what was copied up to whom it belongs, and what is new to root", async (context) => {
    const fault = await overlayFault();
    if (!hostCan("lay layers over each other", fault)) return context.skip();
    const { namespace } = await testNamespace("single");
    const folder = await temporaryFolder();
    const blob = join(folder, "blob");
    await writeFile(blob, tarArchive(owned));
    const lower = join(folder, "diff");
    await mkdir(lower);
    await applyLayer(namespace, {
      blob,
      target: lower,
      lowers: [],
      owners: join(folder, "owners"),
    });
    for (const name of ["upper", "work", "merged"]) await mkdir(join(folder, name));
    const options = `userxattr,lowerdir=${lower},upperdir=upper,workdir=work`;
    const script = [
      'cd "$1"; mount -t overlay -o "$2" overlay merged; cd merged',
      "echo more >> etc/shadow; echo new > etc/new; rm etc/replaced; echo new > etc/replaced",
      "echo letter > mail/root; touch su",
    ];
    asRoot(script.join("\n"), folder, options);

    const lines = await listed(
      { upper: join(folder, "upper"), lowers: [lower] },
      { ids: "single" },
    );

    expect(lines.map((line) => line.replace(/ +\d+ \S+ \S+ /, " "))).toEqual([
      "drwxr-xr-x 0/0 etc/",
      "-rw-r--r-- 0/0 etc/new",
      "-rw-r--r-- 0/0 etc/replaced",
      "-rw-r----- 0/42 etc/shadow",
      "drwxrwsr-x 0/8 mail/",
      "-rw-r--r-- 0/0 mail/root",
      "-rwsr-xr-x 7/0 su",
    ]);
  });
});

describe.runIf(able)("packing", () => {
  it("refuses a name that would be a whiteout, and leaves no file", async () => {
    const { upper, lowers } = await made();
    await writeFile(join(upper, ".wh.d"), "");
    const output = join(await temporaryFolder(), "blob");
    const { namespace } = await testNamespace();

    const packing = packLayer(namespace, { upper, lowers, skip: [], output });

    await expect(packing).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining(".wh.d"),
      hint: expect.stringContaining("rename"),
    });
    expect(existsSync(output)).toBe(false);
  });

  it("replaces no file", async () => {
    const { upper, lowers } = await made();
    const output = join(await temporaryFolder(), "blob");
    await writeFile(output, "precious");
    const { namespace } = await testNamespace();

    const packing = packLayer(namespace, { upper, lowers, skip: [], output });

    await expect(packing).rejects.toMatchObject({ errno: "EEXIST" });
    expect(await readFile(output, "utf8")).toBe("precious");
  });

  it("ends with the signal that aborts it", async () => {
    const source = await made();
    await writeFile(join(source.upper, "large"), Buffer.alloc(64 << 20, "feijoada"));
    const abort = new AbortController();

    const packing = pack(source, { signal: abort.signal });
    setTimeout(() => abort.abort(), 5);

    await expect(packing).rejects.toMatchObject({ name: "AbortError" });
  });

  it("belongs to the caller", async () => {
    const { output } = await pack(await made());

    expect((await stat(output)).uid).toBe(process.getuid?.());
  });

  it("refuses half a second as an epoch", async () => {
    await expect(pack(await made(), { epoch: 0.5 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});

/** A writable layer of three entries, made without an overlay. */
async function made(): Promise<Written> {
  const upper = await temporaryFolder();
  await mkdir(join(upper, "d"));
  await writeFile(join(upper, "d/file"), "one");
  await writeFile(join(upper, "d/old"), "two");
  execFileSync("touch", ["-d", "@7.25", join(upper, "d/old")]);
  return { upper, lowers: [await temporaryFolder()] };
}
