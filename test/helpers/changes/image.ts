/** The image in which files are changed: for each case, a directory with the same tree. */
import { readFileSync, writeFileSync } from "node:fs";
import { busyboxLayer } from "../../../fixtures/busybox.mjs";
import { cached, source } from "../../../fixtures/cache.mjs";
import { changeProgram } from "../../../fixtures/change.mjs";
import { imageArchive } from "../../../fixtures/image-archive.mjs";
import { type TarEntry, tarArchive } from "../../../fixtures/tar-writer.mjs";
import { CASES, type ChangeCase, capability } from "./cases.ts";

export const IMAGE = "localhost/changes:1";

export const ALL_CASES: readonly ChangeCase[] = Object.values(CASES).flat();

/** Where a case changes files. */
export function placeOf(name: string): string {
  return `cases/${name.replaceAll(/[^\w]+/g, "-")}`;
}

/** Makes all changes, each in its place; prints the name of a case whose script fails. */
export function changeAll(cases: readonly ChangeCase[] = ALL_CASES): string {
  const rows = cases.map(([name, script]) => {
    return `(cd '/${placeOf(name)}' && set -e && eval ${quoted(script)}) || echo failed: ${quoted(name)}`;
  });
  return ["exec 2>&1", ...rows].join("\n");
}

/** The path of an archive with it, uncompressed, as `docker save` writes one. */
export function changesArchive(): string {
  const key = [
    source("./busybox.mjs"),
    source("./tar-writer.mjs"),
    readFileSync(changeProgram()),
    readFileSync(new URL("image.ts", import.meta.url)),
    JSON.stringify(ALL_CASES.map(([name]) => name)),
  ];
  return cached("changes.tar", key, (draft) => {
    const places = ALL_CASES.map(([name]) => placeOf(name));
    const layers = [
      busyboxLayer(),
      tarArchive([
        { path: "bin/change", mode: 0o755, content: readFileSync(changeProgram()) },
        directory("cases", OLD),
        ...places.flatMap((place) => inside(place, LOWER)),
      ]),
      tarArchive(places.flatMap((place) => inside(place, UPPER))),
    ];
    writeFileSync(draft, imageArchive({ layers, name: IMAGE, config: { WorkingDir: "/" } }));
  });
}

const OLD = { mtime: 1_000_000 };
const AGED = { mtime: 2_000_000 };
const NET_RAW = Buffer.from(capability("00200000"), "hex").toString("latin1");

const LOWER: readonly TarEntry[] = [
  directory("", OLD),
  { ...AGED, path: "file", content: "content\n" },
  { ...AGED, path: "other", content: "other\n", mode: 0o640 },
  { ...AGED, path: ".hidden", content: "hidden\n" },
  { ...AGED, path: "big", content: "0123456789abcdef".repeat(5000) },
  { ...AGED, path: "suid", content: "suid\n", mode: 0o4755 },
  { ...AGED, path: "owned", content: "owned\n", uid: 1000, gid: 50 },
  { ...AGED, path: "link", type: "symlink", target: "file" },
  { ...AGED, path: "fifo", type: "fifo", mode: 0o622 },
  { ...AGED, path: "hard1", content: "hard\n" },
  { ...AGED, path: "hard2", type: "link", target: "hard1" },
  { ...AGED, path: "noted", content: "noted\n", pax: { "SCHILY.xattr.user.note": "old" } },
  {
    ...AGED,
    path: "capable",
    content: "capable\n",
    mode: 0o755,
    pax: { "SCHILY.xattr.security.capability": NET_RAW },
  },
  { ...AGED, path: "gone", content: "gone\n" },
  directory("empty", { ...OLD, mode: 0o700 }),
  directory("dir", OLD),
  { ...AGED, path: "dir/one", content: "one\n" },
  { ...AGED, path: "dir/two", content: "two\n" },
  directory("dir/deep", OLD),
  directory("dir/deep/er", { ...OLD, uid: 8, gid: 8 }),
  { ...AGED, path: "dir/deep/er/file", content: "deep\n" },
  directory("remade", OLD),
  { ...AGED, path: "remade/lost", content: "lost\n" },
];

const UPPER: readonly TarEntry[] = [
  directory("", OLD),
  directory("dir", OLD),
  { ...AGED, path: "dir/two", content: "two of the upper layer\n" },
  { ...AGED, path: "dir/three", content: "three\n" },
  { path: ".wh.gone" },
  directory("remade", OLD),
  { path: "remade/.wh..wh..opq" },
  { ...AGED, path: "remade/kept", content: "kept\n" },
];

function directory(path: string, more: Partial<TarEntry>): TarEntry {
  return { mode: 0o755, ...more, path, type: "directory" };
}

function inside(place: string, entries: readonly TarEntry[]): readonly TarEntry[] {
  return entries.map((entry) => ({
    ...entry,
    path: entry.path === "" ? place : `${place}/${entry.path}`,
    ...(entry.type === "link" ? { target: `${place}/${entry.target}` } : {}),
  }));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
