/** Layers unpacked by the real helper, as root of a namespace with the ids this user may give. */
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll } from "vitest";
import { oddTar } from "../../fixtures/tars.mjs";
import { type AppliedLayer, applyLayer } from "../../lib/layers/inside.ts";
import type { IdExtent } from "../../lib/native/helper.ts";
import { type MappedNamespace, openNamespace } from "../../lib/runtime/namespace.ts";
import { temporaryFolder } from "./folder.ts";

const opened = new Map<string, Promise<MappedNamespace>>();

afterAll(closeNamespaces);

/** Close every namespace given out so far. Called twice is fine. */
export async function closeNamespaces(): Promise<void> {
  const made = [...opened.values()];
  opened.clear();
  for (const one of made) (await one).namespace.close();
}

/** One for all tests of a file; `single` is what a user without subordinate ids has. */
export function testNamespace(ids: "auto" | "single" = "auto"): Promise<MappedNamespace> {
  const made = opened.get(ids) ?? openNamespace({ ids });
  opened.set(ids, made);
  return made;
}

export interface UnpackOptions {
  /** Directories of the layers below, nearest first. */
  readonly lowers?: readonly string[];
  readonly ids?: "auto" | "single";
}

export interface TestLayer {
  /** Holds nothing but `diff`: what else is found there has escaped. */
  readonly folder: string;
  readonly directory: string;
  readonly applying: Promise<AppliedLayer>;
}

/** Where the layer goes, while it goes there. */
export async function startUnpack(
  tar: Uint8Array,
  { lowers = [], ids = "auto" }: UnpackOptions = {},
): Promise<TestLayer> {
  const { namespace } = await testNamespace(ids);
  const blob = join(await temporaryFolder(), "blob");
  await writeFile(blob, gzipSync(tar, { level: 1 }));
  const folder = await temporaryFolder();
  const directory = join(folder, "diff");
  await mkdir(directory);
  const applying = applyLayer(namespace, { blob, target: directory, lowers });
  applying.catch(() => undefined); // some look at it later
  return { folder, directory, applying };
}

/** A layer that can be unpacked. */
export async function unpack(
  tar: Uint8Array | string,
  options: UnpackOptions = {},
): Promise<AppliedLayer & { readonly directory: string; readonly folder: string }> {
  const bytes = typeof tar === "string" ? oddTar(tar) : tar;
  const { applying, directory, folder } = await startUnpack(bytes, options);
  return { ...(await applying), directory, folder };
}

/** An id of the namespace as everybody else sees it. */
export function seenOutside(extents: readonly IdExtent[], inside: number): number {
  const extent = extents.find((one) => inside >= one.inside && inside < one.inside + one.size);
  if (extent === undefined) throw new Error(`id ${inside} is not mapped`);
  return extent.outside + (inside - extent.inside);
}

/** Run a shell script as root of a user namespace of its own; files of mapped ids are nobody's. */
export function asRoot(script: string, ...args: readonly string[]): string {
  const words = ["--user", "--map-root-user", "--mount", "sh", "-euc", script, "sh", ...args];
  const { status, stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}

/** Why this host cannot lay layers over each other; undefined when it can. */
export async function overlayFault(): Promise<string | undefined> {
  const one = await temporaryFolder();
  const other = await temporaryFolder();
  try {
    await seenTogether([one, other]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Lists a directory, one line for each path: `etc/file 644 contents`, `etc 755 d`. */
export const LISTING = [
  'find . -mindepth 1 -type f -printf "%P %m " -exec cat {} \\; -printf "\\n"',
  'find . -mindepth 1 -type l -printf "%P %l\\n"',
  'find . -mindepth 1 ! -type f ! -type l -printf "%P %m %y\\n"',
].join("\n");

/** What layers show through an overlay, topmost layer first, as lines of `LISTING`. */
export async function seenTogether(layers: readonly string[]): Promise<readonly string[]> {
  const mount = 'mount -t overlay -o "userxattr,lowerdir=$1" overlay "$2"';
  const script = [mount, 'cd "$2"', LISTING].join("\n");
  const text = asRoot(script, layers.join(":"), await temporaryFolder());
  return text.trimEnd().split("\n").filter(Boolean).sort();
}
