/** Names of containers: claimed by making a link, made up when nobody asks for one. */
import { randomInt } from "node:crypto";
import { existsSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { lock } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { ADJECTIVES, SURNAMES } from "./words.ts";

/** `brave_lattes`; after some that were taken, with a number behind, which always finds one. */
export function madeUpName(taken = 0): string {
  const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
  return taken < PLAIN_TRIES ? name : `${name}${randomInt(10 ** Math.min(taken, 12))}`;
}

const PLAIN_TRIES = 5;

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "plain";
}

/**
 * Make `name` mean the container `id`. `false` when it means another one. The caller holds
 * `live/<id>`: a name whose id is neither there nor a container is free.
 */
export async function claimName(paths: Paths, id: string, name: string): Promise<boolean> {
  if (link(paths, id, name)) return true;
  if (!isStale(paths, name)) return false;
  // A power cut may keep the link and lose what it stands for. One at a time, or the second
  // to look would take away what the first has just claimed.
  const held = await lock(paths.lock("names"), { mode: "exclusive" });
  try {
    if (isStale(paths, name)) unlinkSync(paths.name(name));
    return link(paths, id, name);
  } finally {
    held[Symbol.dispose]();
  }
}

/** The id a name stands for. */
export function idOfName(paths: Paths, name: string): string | undefined {
  try {
    return readlinkSync(paths.name(name));
  } catch (error) {
    if (isMissing(error) || errnoOf(error) === "EINVAL") return undefined;
    throw error;
  }
}

/** Give the name back, unless it means another container by now. Twice is fine. */
export function releaseName(paths: Paths, id: string, name: string): void {
  if (idOfName(paths, name) !== id) return;
  try {
    unlinkSync(paths.name(name));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Give back the names that stand for no container. */
export async function removeStaleNames(paths: Paths): Promise<void> {
  const stale = (await namesIn(paths.names)).filter((name) => isStale(paths, name));
  if (stale.length === 0) return;
  using _held = await lock(paths.lock("names"), { mode: "exclusive" });
  for (const name of stale) {
    const id = idOfName(paths, name);
    if (id !== undefined && isStale(paths, name)) releaseName(paths, id, name);
  }
}

function link(paths: Paths, id: string, name: string): boolean {
  try {
    symlinkSync(id, paths.name(name));
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

function isStale(paths: Paths, name: string): boolean {
  const id = idOfName(paths, name);
  if (id === undefined) return false;
  const holders = [paths.live, paths.containers, paths.trash];
  if (holders.some((directory) => existsSync(join(directory, id)))) return false;
  return idOfName(paths, name) === id; // whoever removed it just now gave the name back before
}
