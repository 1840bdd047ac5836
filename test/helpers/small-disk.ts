/** Scripts over a data root that is a small file system in memory, and can be filled to its last byte. */
import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { finished } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { busyboxArchive } from "./images.ts";
import { hostCan } from "./user-namespaces.ts";

const INDEX = new URL("../../dist/index.js", import.meta.url).href;

/** A mount namespace of our own, where a small file system in memory can be the data root. */
const WITHIN = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
const MOUNT = 'mount -t tmpfs -o mode=700,size="$1" tmpfs "$2" && shift 2 && exec "$@"';

/** The parts of every script: what fails, in a few words, and what there is of containers. */
const HEAD = `
  import { mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
  import { tmpdir } from "node:os";
  import { openEngine } from ${JSON.stringify(INDEX)};
  const [, root, archive] = process.argv;
  const failure = (work) => work.then(() => "none", ({ code, errno, hint }) => ({ code, errno, hint }));
  const list = (kind) => readdirSync(root + "/" + kind);
  const traces = () => ["containers", "names", "live", "trash"].flatMap(list);
  const fill = () => { try { writeFileSync(root + "/filler", Buffer.alloc(1 << 26)); } catch {} };
  const room = () => { const { bavail, bsize } = statfsSync(root); return bavail * bsize; };
  const free = () => rmSync(root + "/filler");
  const engine = await openEngine({ root });`;

/** What a full disk is to callers. */
export const FULL = {
  code: "UNAVAILABLE",
  errno: "ENOSPC",
  hint: expect.stringContaining("full") as string,
};

/** What the script prints, which is JSON; its words are those of `HEAD`. */
export async function onSmallDisk(size: string, text: string): Promise<unknown> {
  const script = `${HEAD}\n${text}\nawait engine.close();`;
  const root = await temporaryFolder();
  const argv = [process.execPath, "--input-type=module", "--eval", script, root, busyboxArchive()];
  const done = finished([...WITHIN, "sh", "-c", MOUNT, "sh", size, root, ...argv]);
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

/** Says why not, once, where this host cannot. */
export function requireSmallDisk(): boolean {
  const [unshare = "", ...rest] = WITHIN;
  const tried = spawnSync(unshare, [...rest, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
    encoding: "utf8",
  });
  return hostCan(
    "mount a small file system",
    tried.status === 0 ? undefined : (tried.error?.message ?? tried.stderr.trim()),
  );
}
