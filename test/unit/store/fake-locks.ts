/** Locks in memory, in place of flock(2): unit tests run without the native build. */
import { fstatSync, openSync, statSync } from "node:fs";

interface Holder {
  readonly inode: number;
  readonly path: string;
  readonly mode: "shared" | "exclusive";
}

const holders = new Map<number, Holder>();

/** As the one of lib/native/syscalls.ts: held until the descriptor is closed. */
export function tryLock(
  path: string,
  mode: Holder["mode"],
  { create = true }: { readonly create?: boolean } = {},
): number | undefined {
  if (!create) statSync(path);
  const others = current().filter((holder) => holder.path === path);
  if (others.some((holder) => mode === "exclusive" || holder.mode === "exclusive")) {
    return undefined;
  }
  const fd = openSync(path, "a");
  holders.set(fd, { inode: fstatSync(fd).ino, path, mode });
  return fd;
}

export function heldLocks(): readonly string[] {
  return current().map(({ path, mode }) => `${mode} ${path}`);
}

function current(): readonly Holder[] {
  for (const [fd, { inode }] of holders) {
    if (inodeOf(fd) !== inode) holders.delete(fd);
  }
  return [...holders.values()];
}

function inodeOf(fd: number): number | undefined {
  try {
    return fstatSync(fd).ino;
  } catch {
    return undefined;
  }
}
