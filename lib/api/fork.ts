/** fork(): a new container over what another one has written. */
import type { Container } from "../engine/container.ts";
import type { ForkOptions } from "../engine/fork-options.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make a container, not started, with the files that another one has now, and with all that this was
 * made with but its name. Of one that stands still nothing is copied: what it wrote becomes a
 * snapshot that both lie over. One that runs is paused while what it wrote is copied.
 *
 * Throws `NOT_FOUND` for the container, `ALREADY_EXISTS` for a name that is taken, and what
 * `openEngine().containers.create()` throws.
 */
export async function fork(
  container: string,
  options: ForkOptions & ApiOptions = {},
): Promise<Container> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).fork(rest);
}
