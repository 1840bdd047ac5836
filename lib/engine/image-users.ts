/** Which containers keep which images and layers where they are: told by their records. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMarmitaError } from "../errors.ts";
import type { ImageUser, ImageUsers } from "../images/image-store.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Paths } from "../store/paths.ts";
import { isJsonObject, parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import { lookAtLive } from "./live.ts";
import { findExit, listIds } from "./records.ts";

/** How many records are read at once. */
const READING = 32;

/** What matters here of a record never changes: each is read once. */
export class RecordedUsers implements ImageUsers {
  readonly #paths: Paths;
  #known: ReadonlyMap<string, ImageUser> = new Map();

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  async list(): Promise<readonly ImageUser[]> {
    const ids = [...(await listIds(this.#paths))];
    const found = new Map<string, ImageUser>();
    const read = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const user = this.#known.get(id) ?? (await readUser(this.#paths, id));
        if (user !== undefined) found.set(id, user);
      }
    };
    await Promise.all(Array.from({ length: READING }, read));
    this.#known = found;
    return [...found.values()];
  }

  async isRunning(id: string): Promise<boolean> {
    const live = lookAtLive(this.#paths, id);
    if (live?.isHeld !== true || live.content.startedAt === undefined) return false;
    return (await findExit(this.#paths, id)) === undefined;
  }
}

/**
 * Also from a record of another version, or that misses something: what it says of layers counts.
 * `undefined` for a container that is gone.
 */
async function readUser(paths: Paths, id: string): Promise<ImageUser | undefined> {
  const path = join(paths.container(id), "record.json");
  try {
    return parseUser(id, parseJson(await readFile(path), path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (isMarmitaError(error)) return { id, name: id, images: [], layers: undefined };
    throw error;
  }
}

export function parseUser(id: string, json: unknown): ImageUser {
  const record = isJsonObject(json) ? json : {};
  const image = isJsonObject(record["image"]) ? record["image"] : {};
  const mounts = Array.isArray(record["mounts"]) ? record["mounts"] : [];
  const mounted = mounts.map((mount: unknown) =>
    isJsonObject(mount) && mount["type"] === "image" ? mount["id"] : undefined,
  );
  const { name } = record;
  return {
    id,
    name: typeof name === "string" ? name : id,
    images: [image["id"], ...mounted].filter(isDigest),
    layers: areDigests(image["layers"]) ? image["layers"] : undefined,
  };
}

function areDigests(value: unknown): value is readonly Digest[] {
  return Array.isArray(value) && value.every(isDigest);
}
