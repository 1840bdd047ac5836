/** create(), and what is done with containers by name, id, or a unique start of an id. */
import type { Container } from "../engine/container.ts";
import type { ContainerOptions } from "../engine/container-options.ts";
import type {
  KillOptions,
  SignalName,
  StopOptions,
  WaitOptions,
  WaitResult,
} from "../engine/lifecycle-options.ts";
import type { StartOptions } from "../engine/options.ts";
import type { RenameOptions } from "../engine/rename.ts";
import type { RunningProcess } from "../runtime/process.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make a container, not yet started: `start()`, or its method, does that, as often as wanted. It
 * stays when this process ends. Throws `NOT_FOUND` for the image, `ALREADY_EXISTS` for the name.
 */
export async function create(
  image: string,
  command?: readonly string[],
  options: ContainerOptions & { readonly signal?: AbortSignal } & ApiOptions = {},
): Promise<Container> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return containers.create({ ...rest, image, ...(command === undefined ? {} : { command }) });
}

/**
 * Start a container, for the first time or again. Its process belongs to this one, and dies with it,
 * unless `detach`. Throws `NOT_FOUND`, `CONFLICT` when it runs, and `START_FAILED`.
 */
export async function start(
  container: string,
  options: StartOptions & ApiOptions = {},
): Promise<RunningProcess> {
  const { engine, root, ...rest } = options;
  return (await containerOf(container, { engine, root })).start(rest);
}

/**
 * Ask a container's process to end, and kill it when it does not in time; its restart policy does
 * not start it again. Nothing happens to one that does not run. Throws `NOT_FOUND`.
 */
export async function stop(
  container: string,
  options: StopOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  await (await containerOf(container, { engine, root })).stop(rest);
}

/**
 * Send a signal, SIGKILL unless said, to the first process of a container. Throws `NOT_FOUND`, and
 * `CONFLICT` when it does not run.
 */
export async function kill(
  container: string,
  name?: SignalName,
  options: KillOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  await (await containerOf(container, { engine, root })).kill(name, rest);
}

/**
 * End a container's process as `stop()` does, and start it anew; one that does not run is started,
 * detached. Throws `NOT_FOUND` and `START_FAILED`.
 */
export async function restart(
  container: string,
  options: StopOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  await (await containerOf(container, { engine, root })).restart(rest);
}

/**
 * Resolves when a container does not run, or when `condition` is so, with its exit code. It does not
 * matter who started it. Throws `NOT_FOUND`.
 */
export async function wait(
  container: string,
  options: WaitOptions & ApiOptions = {},
): Promise<WaitResult> {
  const { engine, root, ...rest } = options;
  return (await containerOf(container, { engine, root })).wait(rest);
}

/**
 * Give a container another name, running or not. Throws `NOT_FOUND`, `ALREADY_EXISTS` when the name
 * is another container's, and `INVALID_ARGUMENT` when it is no name, or its own.
 */
export async function rename(
  container: string,
  name: string,
  options: RenameOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  await (await containerOf(container, { engine, root })).rename(name, rest);
}

async function containerOf(nameOrId: string, options: ApiOptions): Promise<Container> {
  const { containers } = await engineOf(options);
  return containers.get(nameOrId);
}
