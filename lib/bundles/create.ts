/** A container made of a bundle, up to the moment in which its process waits to be started. */
import { checkContainerId } from "./container-id.ts";
import { checkCreateOptions } from "./create-options.ts";
import { checkTerminal, design, make } from "./creation.ts";
import type { BundleSource, CreateBundleContainerOptions } from "./options.ts";
import { type ContainerState, findContainer } from "./state.ts";
import { openStdio } from "./stdio.ts";

/**
 * Carry out all of a bundle's configuration but its command: that waits for `start`, as process of
 * whoever adopts orphans above us (`PR_SET_CHILD_SUBREAPER`), with our streams. Nothing of ours stays.
 *
 * Throws `ALREADY_EXISTS` for an id that is taken, `NOT_FOUND` for a bundle that is not there,
 * `INVALID_ARGUMENT` and `UNSUPPORTED` with the property of config.json as `details.field`, and
 * `START_FAILED` for what this machine would not do; then nothing of it is left, and its hooks
 * `poststop` have run. Killed half-way, nothing runs, and the container is `stopped`.
 */
export async function createContainer(
  id: string,
  bundle: BundleSource,
  options: CreateBundleContainerOptions = {},
): Promise<ContainerState> {
  checkContainerId(id);
  checkCreateOptions(options);
  const { stdin = "inherit", stdout = "inherit", stderr = "inherit" } = options;
  const plan = await design(id, bundle, options);
  checkTerminal(plan, { isForeground: false });
  const { fds } = openStdio({ stdin, stdout, stderr }); // none of them is a pipe
  const { starter } = await make(plan, fds);
  await starter.gone();
  return findContainer(id, plan).state;
}
