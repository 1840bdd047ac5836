/** commit(): what a container wrote becomes an image. */
import type { CommitOptions } from "../engine/commit.ts";
import type { CommittedImage } from "../images/commit.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make an image of what a container wrote, running or not, on top of its image: one new layer, a
 * line of history, and a config from what the container was made with. Given `name`, which has the
 * tag `latest` unless it says another, the image that had it loses it. Resolves to the id, which
 * is the digest of the config, the digest of the manifest, and the names.
 *
 * Throws `NOT_FOUND` for the container, `INVALID_ARGUMENT` for a name no image can have and for
 * changes that are none, `UNSUPPORTED` for a container of image `host`. Then nothing is left.
 */
export async function commit(
  container: string,
  name?: string,
  options: CommitOptions & ApiOptions = {},
): Promise<CommittedImage> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).commit(name, rest);
}
