/** Namespaces of containers that run already, for another one to share: `container:NAME`. */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import type { NamespaceType } from "../oci/runtime-spec.ts";
import type { Join } from "../runtime/joins.ts";
import type { EngineContext } from "./context.ts";
import { findContainer, noSuchContainer } from "./find.ts";
import { lookAtLive } from "./live.ts";
import { type ContainerRecord, findRecord } from "./records.ts";

/** Whose namespace of a type is wanted: `{ network: "web" }`, by name, id or start of an id. */
export type JoinRequests = Readonly<Partial<Record<NamespaceType, string | undefined>>>;

/** A container that was found, and what of it is shared. */
export interface JoinedContainer extends Join {
  readonly record: ContainerRecord;
}

/** `undefined` unless `value` is `container:NAME`, else the name. */
export function containerIn(value: string | undefined): string | undefined {
  return value?.startsWith("container:") === true ? value.slice("container:".length) : undefined;
}

/**
 * One for each container, however many of its namespaces are asked for. Throws `NOT_FOUND`, and
 * `CONFLICT` for one that does not run.
 */
export async function findJoins(
  context: EngineContext,
  requests: JoinRequests,
): Promise<readonly JoinedContainer[]> {
  const joins = new Map<string, JoinedContainer>();
  for (const [type, name] of Object.entries(requests) as [NamespaceType, string | undefined][]) {
    if (name === undefined) continue;
    const record = await findContainer(context.paths, name);
    if (record === undefined) throw noSuchContainer(name);
    const { namespaces = [] } = joins.get(record.id) ?? {};
    const pid = pidOf(context, record);
    const live = join(context.paths.live, record.id);
    const mounts = type === "ipc" ? ["/dev/shm"] : (joins.get(record.id)?.mounts ?? []);
    const shared = { name: record.name, live, pid, mounts, namespaces: [...namespaces, type] };
    joins.set(record.id, { ...shared, record });
  }
  return [...joins.values()];
}

/**
 * The user namespace that a container is to be started in: that of those it shares others with.
 * The caller closes it. `undefined`: the engine's. Throws `CONFLICT` when they do not run.
 */
export async function joinedNamespace(
  context: EngineContext,
  { joins = [] }: ContainerRecord,
): Promise<UserNamespace | undefined> {
  const [id] = joins;
  if (id === undefined) return undefined;
  const other = await findRecord(context.paths, id);
  if (other === undefined) throw noSuchContainer(id.slice(0, 12));
  const pid = pidOf(context, other);
  const { mapping } = await context.mapped();
  const fd = openSync(`/proc/${pid}/ns/user`, "r");
  try {
    // Its number could have been given to another process before it was opened, not after this.
    if (pidOf(context, other) === pid) return { ...mapping, fd, close: () => closeSync(fd) };
    throw notRunning(other);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function pidOf({ paths }: EngineContext, record: ContainerRecord): number {
  const live = lookAtLive(paths, record.id);
  if (live?.isHeld === true && live.content.pid !== undefined) return live.content.pid;
  throw notRunning(record);
}

function notRunning({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is not running`, {
    hint: "What is shared with it is there only while it runs: start it first.",
    details: { container: id },
  });
}
