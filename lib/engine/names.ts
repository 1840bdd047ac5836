/**
 * Names of containers: claimed by making a link, made up when nobody asks for one. What a container
 * is called is in its record; a link that says otherwise is left of a rename that was killed, and
 * means nothing.
 */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type Lock, lock } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { isJsonObject } from "../util/json.ts";
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
  const held = await lockNames(paths);
  try {
    return claimLockedName(paths, id, name);
  } finally {
    held[Symbol.dispose]();
  }
}

/**
 * For whoever changes what names mean. One at a time, or the second to look would take away what
 * the first has just claimed.
 */
export function lockNames(paths: Paths): Promise<Lock> {
  return lock(paths.lock("names"), { mode: "exclusive" });
}

/** The same as `claimName()`, under that lock. */
export function claimLockedName(paths: Paths, id: string, name: string): boolean {
  if (link(paths, id, name)) return true;
  // A power cut may keep the link and lose what it stands for.
  if (!isStale(paths, name)) return false;
  unlinkSync(paths.name(name));
  return link(paths, id, name);
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

/** Docker's words. */
export function nameInUse(paths: Paths, name: string): MarmitaError {
  const container = idOfName(paths, name);
  const by = container === undefined ? "another container" : `container ${container.slice(0, 12)}`;
  return new MarmitaError("ALREADY_EXISTS", `the container name "${name}" is in use by ${by}`, {
    hint: "Remove or rename that container, or choose another name.",
    details: { name, container },
  });
}

/** Give the name back, unless it means another container by now. Twice is fine. */
export async function releaseName(paths: Paths, id: string, name: string): Promise<void> {
  if (idOfName(paths, name) !== id) return;
  using _held = await lockNames(paths);
  releaseLockedName(paths, id, name);
}

/** The same, under that lock. */
export function releaseLockedName(paths: Paths, id: string, name: string): void {
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
  using _held = await lockNames(paths);
  for (const name of stale) {
    const id = idOfName(paths, name);
    if (id !== undefined && isStale(paths, name)) releaseLockedName(paths, id, name);
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

/** Under that lock, or only to know whether it is worth taking. */
function isStale(paths: Paths, name: string): boolean {
  const id = idOfName(paths, name);
  if (id === undefined) return false;
  const called = recordedName(paths, id);
  if (called !== undefined) return called !== name && idOfName(paths, name) === id;
  const holders = [paths.live, paths.containers, paths.trash];
  if (holders.some((directory) => existsSync(join(directory, id)))) return false;
  return idOfName(paths, name) === id; // whoever removed it just now gave the name back before
}

/** `undefined` for a container that is not there, or only now being made. */
function recordedName(paths: Paths, id: string): string | undefined {
  try {
    const json: unknown = JSON.parse(
      readFileSync(join(paths.container(id), "record.json"), "utf8"),
    );
    const name = isJsonObject(json) ? json["name"] : undefined;
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}
