/** The mounts of other containers, for another one to have too: `web`, `web:ro`. */
import { posix } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { Paths } from "../store/paths.ts";
import { findContainer, noSuchContainer } from "./find.ts";
import type { RecordedMount } from "./mounts.ts";

/** A container's name or id, and how its mounts are mounted. */
export interface VolumesFrom {
  readonly container: string;
  readonly readOnly: boolean;
}

/**
 * Throws `INVALID_ARGUMENT` for what has no name, or another mode than `ro`, `rw`, `z` and `Z`; of the
 * last two see `relabel` of a bind mount.
 */
export function parseVolumesFrom(text: string): VolumesFrom {
  const [container = "", mode = "", ...rest] = text.split(":");
  const words = mode.split(",").filter((word) => word !== "");
  const isMode = words.every((word) => /^(?:ro|rw|z|Z)$/.test(word));
  const readOnly = words.includes("ro");
  if (container === "" || rest.length > 0 || !isMode || (readOnly && words.includes("rw"))) {
    const message = `expected a container's name and :ro or :rw, got ${JSON.stringify(text)}`;
    throw new MarmitaError("INVALID_ARGUMENT", message);
  }
  return { container, readOnly };
}

/**
 * Binds and volumes of the containers named; of several at one target the last. What is read-only
 * there stays so. Throws `NOT_FOUND`.
 */
export async function mountsFrom(
  paths: Paths,
  texts: readonly string[],
): Promise<readonly RecordedMount[]> {
  const found = new Map<string, RecordedMount>();
  for (const text of texts) {
    const { container, readOnly } = parseVolumesFrom(text);
    const record = await findContainer(paths, container);
    if (record === undefined) throw noSuchContainer(container);
    for (const mount of record.mounts) {
      if (mount.type === "tmpfs" || mount.type === "image") continue;
      found.set(posix.resolve("/", mount.target), readOnly ? { ...mount, readOnly } : mount);
    }
  }
  return [...found.values()];
}
