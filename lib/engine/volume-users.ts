/** Which containers have a volume or a snapshot: `users/<id>` in it, an empty file for each. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { CONTAINER_ID } from "./records.ts";

/** Their ids, also of those that are being made or removed. */
export async function usersOf(paths: Paths, volume: string): Promise<readonly string[]> {
  const ids = await namesIn(join(paths.volume(volume), "users"));
  return ids.filter((id) => !isStale(paths, id));
}

/**
 * Files of containers that are nowhere. Who is there had its file in live/ before; so what is in
 * none of the three places, looked at in this order, will not come any more.
 */
export async function dropStaleUsers(paths: Paths, directory: string): Promise<void> {
  const users = join(directory, "users");
  for (const id of await namesIn(users)) {
    if (isStale(paths, id)) await rm(join(users, id), { force: true });
  }
}

function isStale(paths: Paths, id: string): boolean {
  return (
    CONTAINER_ID.test(id) &&
    ![paths.live, paths.containers, paths.trash].some((at) => existsSync(join(at, id)))
  );
}
