/** All that a container sees, as a tar: the same that an overlay of its layers shows. */
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { randomLayers } from "../../fixtures/random-layers.mjs";
import { type TarEntry, tarArchive } from "../../fixtures/tar-writer.mjs";
import { exportTree } from "../../lib/layers/export.ts";
import { applyLayer } from "../../lib/layers/inside.ts";
import { pipe } from "../../lib/native/syscalls.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { asRoot, overlayFault, testNamespace, unpack } from "../helpers/layers.ts";
import { hostCan, requireUserNamespaces } from "../helpers/user-namespaces.ts";
import {
  type Written,
  listTar,
  namesOf,
  randomScript,
  seen,
  written,
} from "../helpers/written-layers.ts";

interface Exporting {
  readonly skip?: readonly string[];
  readonly driver?: "overlay" | "fuse-overlayfs";
  readonly ids?: "auto" | "single";
}

async function exported(source: Written, options: Exporting = {}) {
  const { skip = [], driver = "overlay", ids = "auto" } = options;
  const { namespace } = await testNamespace(ids);
  const tar = join(await temporaryFolder(), "tar");
  const fd = openSync(tar, "wx");
  const { upper: directory, lowers } = source;
  try {
    const layer = { uppers: [{ directory, at: "/", lowers, skip }], driver };
    return { tar, ...(await exportTree(namespace, { layer, fd })) };
  } finally {
    closeSync(fd);
  }
}

const listed = async (source: Written, options: Exporting = {}) =>
  listTar((await exported(source, options)).tar);

const below: readonly (readonly TarEntry[])[] = [
  [
    { path: "etc", type: "directory", mode: 0o755, mtime: 1_000 },
    { path: "etc/passwd", content: "root", mode: 0o644, mtime: 1_000 },
    { path: "etc/group", content: "wheel", mode: 0o644, mtime: 1_000 },
    { path: "old", type: "directory", mode: 0o700, mtime: 1_000 },
    { path: "old/file", content: "old", mode: 0o600, mtime: 1_000 },
  ],
  [
    { path: "etc/shadow", content: "secret", mode: 0o640, uid: 1, gid: 42, mtime: 1_000 },
    {
      path: "etc/same",
      type: "link",
      target: "etc/shadow",
      mode: 0o640,
      uid: 1,
      gid: 42,
      mtime: 1_000,
    },
    { path: "old/.wh..wh..opq" },
    { path: "old/again", content: "again", mode: 0o644, mtime: 1_000 },
  ],
];

describe.runIf(requireUserNamespaces())("an exported container", () => {
  let isOverlayThere = false;
  beforeAll(async () => {
    isOverlayThere = hostCan("lay layers over each other", await overlayFault());
  });

  it("has what all its layers show, directories before what is in them", async (context) => {
    if (!isOverlayThere) return context.skip();
    const source = await written("rm etc/group; echo new > etc/new; touch -d @1000 .", below);

    const names = namesOf(await listed(source));

    expect(names).toEqual([
      "./",
      "etc/",
      "old/",
      "etc/new",
      "etc/passwd",
      "etc/same",
      "etc/shadow link to etc/same",
      "old/again",
    ]);
  });

  it("tells how large it is, and of how many entries", async () => {
    const { upper, lowers } = await bare();

    const { tar, size, entries } = await exported({ upper, lowers });

    expect(size).toBe((await stat(tar)).size);
    expect(entries).toBe(3);
  });

  it("is the same bytes again", async () => {
    const source = await bare();

    const [one, other] = [await exported(source), await exported(source)];

    expect((await readFile(one.tar)).equals(await readFile(other.tar))).toBe(true);
  });

  it("has no mount points that were made for it, but what the image has there", async () => {
    const lower = (await unpack(tarArchive(below[0] ?? []))).directory;
    const { upper } = await bare();
    await mkdir(join(upper, "etc"));
    await writeFile(join(upper, "etc/hosts"), "");

    const lines = await listed({ upper, lowers: [lower] }, { skip: ["/etc/hosts", "/etc/group"] });

    const names = namesOf(lines);
    expect(names).not.toContain("etc/hosts");
    expect(names).toContain("etc/group");
  });

  it("may be one that fuse-overlayfs wrote", async () => {
    const lower = (await unpack(tarArchive(below[0] ?? []))).directory;
    const { upper } = await bare();
    await mkdir(join(upper, "etc"));
    await mkdir(join(upper, "old"));
    await writeFile(join(upper, "etc/.wh.group"), "");
    await writeFile(join(upper, "old/.wh..wh..opq"), "");

    const lines = await listed({ upper, lowers: [lower] }, { driver: "fuse-overlayfs" });

    expect(namesOf(lines)).toEqual(["./", "d/", "etc/", "old/", "d/file", "etc/passwd"]);
  });

  it("has the owners that its image says, also where there is one id only", async (context) => {
    if (!isOverlayThere) return context.skip();
    const { namespace } = await testNamespace("single");
    const folder = await temporaryFolder();
    for (const name of ["upper", "work", "merged"]) await mkdir(join(folder, name));
    const lowers: string[] = [];
    for (const [at, entries] of below.entries()) {
      const place = join(folder, String(at));
      const blob = join(folder, `${at}.tar`);
      await mkdir(join(place, "diff"), { recursive: true });
      await writeFile(blob, tarArchive(entries));
      const target = join(place, "diff");
      await applyLayer(namespace, { blob, target, lowers, owners: join(place, "owners") });
      lowers.unshift(target);
    }
    const options = `userxattr,lowerdir=${lowers.join(":")},upperdir=upper,workdir=work`;
    const script =
      'cd "$1"; mount -t overlay -o "$2" overlay merged; cd merged; chmod 600 etc/same';
    asRoot(script, folder, options);

    const lines = await listed({ upper: join(folder, "upper"), lowers }, { ids: "single" });

    const owners = lines.map((line) => line.replace(/ \d+ \S+ \S+ /, " "));
    expect(owners).toContain("-rw-r----- 1/42 etc/shadow");
    expect(owners).toContain("-rw-r--r-- 0/0 etc/passwd");
  });

  it.for(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    "is what an overlay shows: random changes, seed %i",
    async (seed, context) => {
      if (!isOverlayThere) return context.skip();
      const source = await written(randomScript(seed), randomLayers(seed));
      const { tar } = await exported(source);
      const target = join(await temporaryFolder(), "diff");
      await mkdir(target);

      const { namespace } = await testNamespace();
      await applyLayer(namespace, { blob: tar, target, lowers: [] });

      const shown = await seen([source.upper, ...source.lowers]);
      expect(await seen([target, await temporaryFolder()])).toEqual(shown);
    },
  );

  it("says that nobody reads it any more", async () => {
    const { read, write } = pipe();
    closeSync(read);
    const { upper: directory, lowers } = await bare();
    const { namespace } = await testNamespace();
    const layer = {
      uppers: [{ directory, at: "/", lowers, skip: [] }],
      driver: "overlay" as const,
    };

    await expect(exportTree(namespace, { layer, fd: write })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      errno: "EPIPE",
    });
    closeSync(write);
  });

  it("says that the disk is full", async () => {
    const fd = openSync("/dev/full", "w");
    const { upper: directory, lowers } = await bare();
    const { namespace } = await testNamespace();
    const layer = {
      uppers: [{ directory, at: "/", lowers, skip: [] }],
      driver: "overlay" as const,
    };

    await expect(exportTree(namespace, { layer, fd })).rejects.toMatchObject({ errno: "ENOSPC" });
    closeSync(fd);
  });

  it("is refused where its root has several parts", async () => {
    const { upper: directory, lowers } = await bare();
    const { namespace } = await testNamespace();
    const part = { directory, at: "/etc", lowers, skip: [] };

    const exporting = exportTree(namespace, {
      layer: { uppers: [part, part], driver: "overlay" },
      fd: 1,
    });

    await expect(exporting).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});

/** A writable layer of two entries, over nothing, made without an overlay. */
async function bare(): Promise<Written> {
  const upper = join(await temporaryFolder(), "upper");
  await mkdir(join(upper, "d"), { recursive: true });
  await writeFile(join(upper, "d/file"), "one");
  return { upper, lowers: [await temporaryFolder()] };
}
