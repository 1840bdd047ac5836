/**
 * What a power cut, a kill or another version of us left in the data root beside images and
 * containers, and nobody will ever ask for. Each kind goes under the lock that its users hold.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDraft, removeDrafts } from "../store/atomic.ts";
import { lock } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { isMissing } from "../util/system-error.ts";
import { removeStaleNames } from "./names.ts";
import { listIds } from "./records.ts";
import { containerRules } from "./security.ts";
import { dropStaleUsers } from "./volume-users.ts";

/** Nobody takes that long to write a small file. */
const STALE_DRAFT_MS = 60 * 60 * 1_000;

/** Any number of processes may do this at once, beside all others. */
export async function removeLeftovers(paths: Paths, signal?: AbortSignal): Promise<void> {
  await removeStaleNames(paths);
  await removeStaleUsers(paths);
  await removeVolumeDrafts(paths);
  await removeUnusedFilters(paths, signal);
  await removeOldDrafts(paths.root);
  await removeOldDrafts(paths.snapshots);
}

async function removeStaleUsers(paths: Paths): Promise<void> {
  for (const name of await namesIn(paths.volumes)) await dropStaleUsers(paths, paths.volume(name));
}

async function removeVolumeDrafts(paths: Paths): Promise<void> {
  if (!(await namesIn(paths.volumes)).some(isDraft)) return;
  using _held = await lock(paths.lock("volumes"), { mode: "exclusive" });
  await removeDrafts(paths.volumes);
}

/** Filters that no container has: one that is deleted by mistake is compiled anew. */
async function removeUnusedFilters(paths: Paths, signal?: AbortSignal): Promise<void> {
  const used = new FiltersInUse(paths);
  const found = await used.without(await namesIn(paths.seccomp));
  if (found.length === 0) return;
  // Whoever makes a container holds it shared from before its filter to its record.
  using _images = await lock(paths.lock("images"), { mode: "exclusive", fair: true, signal });
  using _compiling = await lock(paths.lock("seccomp"), { mode: "exclusive", signal });
  for (const name of await used.without(found)) {
    await rm(join(paths.seccomp, name), { force: true });
  }
}

/** A container's filter never changes: each is looked for once. */
class FiltersInUse {
  readonly #paths: Paths;
  readonly #known = new Map<string, string>();

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Those of `filters` that nobody has; none while that cannot be told. */
  async without(filters: readonly string[]): Promise<readonly string[]> {
    if (filters.length === 0) return [];
    const used = new Set<string>();
    for (const id of await listIds(this.#paths)) {
      const name = this.#known.get(id) ?? (await this.#look(id));
      if (name === undefined) return [];
      this.#known.set(id, name);
      used.add(name);
    }
    return filters.filter((name) => !used.has(name));
  }

  /** `""` for a container without one, or that is gone. */
  async #look(id: string): Promise<string | undefined> {
    try {
      return (await containerRules(this.#paths, id))?.name ?? "";
    } catch (error) {
      return isMissing(error) ? "" : undefined;
    }
  }
}

async function removeOldDrafts(directory: string): Promise<void> {
  for (const name of (await namesIn(directory)).filter(isDraft)) {
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined && Date.now() - status.ctimeMs > STALE_DRAFT_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
