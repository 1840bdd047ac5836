/** ps(), inspect(), attach(), logs(), diff(), exportContainer() and rm(): containers by name, id, or a unique start of an id. */
import type { AttachOptions } from "../engine/attach.ts";
import type { AttachedProcess } from "../engine/attached-process.ts";
import type { DiffOptions } from "../engine/diff.ts";
import type { ExportOptions, ExportedContainer } from "../engine/export.ts";
import type { ContainerInspection, InspectOptions } from "../engine/inspect.ts";
import type { ListContainersOptions } from "../engine/container-filters.ts";
import type { LogEntry, LogsOptions } from "../engine/log-entries.ts";
import type { ContainerSummary } from "../engine/list.ts";
import type { RemoveOptions } from "../engine/remove.ts";
import type { TopOptions } from "../engine/top.ts";
import type { ProcessTable } from "../runtime/process-table.ts";
import type { ByteTarget } from "../images/drain.ts";
import type { Change } from "../layers/diff.ts";
import { leavable } from "../util/leavable.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/** All containers there are, or those that the filters leave, the newest first. */
export async function ps(
  options: ListContainersOptions & ApiOptions = {},
): Promise<readonly ContainerSummary[]> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return containers.list(rest);
}

/** What `docker inspect` prints. Throws `NOT_FOUND`. */
export async function inspect(
  container: string,
  options: InspectOptions & ApiOptions = {},
): Promise<ContainerInspection> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).inspect(rest);
}

/**
 * Attach to a container that runs, whoever started it: what it writes from now on, its stdin where
 * that is open, its end, signals to it. Leaving it (`detach()`, disposal) does nothing to it. Throws
 * `NOT_FOUND`, `CONFLICT` when it does not run.
 */
export async function attach(
  container: string,
  options: AttachOptions & ApiOptions = {},
): Promise<AttachedProcess> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).attach(rest);
}

/**
 * What a container wrote to stdout and stderr, line by line, in that order, from all its starts.
 * With `follow` also what it writes from now on, until it has ended for good; leaving the loop ends
 * that, too. Throws `NOT_FOUND`, `UNSUPPORTED` for a container without a log.
 */
export function logs(
  container: string,
  options: LogsOptions & ApiOptions = {},
): AsyncIterableIterator<LogEntry> {
  const { engine, root, ...rest } = options;
  return leavable(async function* (signal) {
    const { containers } = await engineOf({ engine, root });
    yield* (await containers.get(container)).logs({ ...rest, signal });
  }, rest.signal);
}

/**
 * What a container changed in the files of its image, sorted by path: `A` what it added, `C` what
 * it changed, with the directories that any of it is in, `D` what it deleted. Also while it runs.
 * Throws `NOT_FOUND`.
 */
export async function diff(
  container: string,
  options: DiffOptions & ApiOptions = {},
): Promise<readonly Change[]> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).diff(rest);
}

/**
 * All files of a container, its image's with what it changed, as one tar to a path, a stream or a
 * descriptor; also while it runs. What is mounted is no part of it. `importImage()` takes it back.
 * Throws `NOT_FOUND`, `UNSUPPORTED` for a container on the image `host`.
 */
export async function exportContainer(
  container: string,
  target: ByteTarget,
  options: ExportOptions & ApiOptions = {},
): Promise<ExportedContainer> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).export(target, rest);
}

/** Which processes a container has. Throws `NOT_FOUND`, `CONFLICT` when it does not run. */
export async function top(
  container: string,
  options: TopOptions & ApiOptions = {},
): Promise<ProcessTable> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).top(rest);
}

/** Throws `NOT_FOUND`; `CONFLICT` when it runs, unless `force` kills it. */
export async function rm(
  container: string,
  options: RemoveOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  await containers.remove(container, rest);
}
