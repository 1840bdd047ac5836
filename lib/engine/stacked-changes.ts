/** Changes on top of changes: what a fork, and who it was forked from, changed in their image. */
import type { Change } from "../layers/diff.ts";

/** What was written at one time, over what was written before. */
export interface Level {
  /** Compared with all below: what was written before, and the image. */
  readonly changes: readonly Change[];
  /**
   * The same compared with the image alone; asked for when something is there again that was gone.
   * `anew`: of these, what the image has in them is gone for good.
   */
  readonly againstImage: (anew: readonly string[]) => Promise<readonly Change[]>;
}

/** All of them, compared with the image; the levels from the lowest up. Sorted by path. */
export async function stackChanges(levels: readonly Level[]): Promise<readonly Change[]> {
  const all = new Map<string, Change["kind"]>();
  for (const level of levels) await stack(all, level);
  const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([path, kind]) => ({ kind, path }));
}

/** A directory comes before what is in it. */
async function stack(all: Map<string, Change["kind"]>, level: Level): Promise<void> {
  const anew: string[] = [];
  const isAnew = (path: string) => anew.some((one) => path === one || isIn(path, one));
  for (const { kind, path } of level.changes) {
    if (isAnew(path)) continue;
    if (kind === "A" && wasDeleted(all, path)) {
      anew.push(path);
      forget(all, path);
    } else if (kind === "D") {
      const wasAdded = all.get(path) === "A";
      forget(all, path);
      if (!wasAdded) all.set(path, "D");
    } else if (all.get(path) !== "A") {
      all.set(path, kind);
    }
  }
  if (anew.length === 0) return;
  for (const { kind, path } of await level.againstImage(anew)) {
    if (isAnew(path)) all.set(path, kind);
  }
}

/** It, or a directory that it was in. */
function wasDeleted(all: ReadonlyMap<string, Change["kind"]>, path: string): boolean {
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    if (all.get(at) === "D") return true;
  }
  return false;
}

function forget(all: Map<string, Change["kind"]>, path: string): void {
  for (const one of all.keys()) if (one === path || isIn(one, path)) all.delete(one);
}

function isIn(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}
