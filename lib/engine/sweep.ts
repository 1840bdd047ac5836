/** Repairs what a power cut or a kill left; looks at what is unfinished, not at every container. */
import { readdir, readFile, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../layers/inside.ts";
import { writeAtomic } from "../store/atomic.ts";
import type { Paths } from "../store/paths.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { type Live, type LiveContent, claimLive, takeOver } from "./live.ts";
import { releaseName } from "./names.ts";
import { settleFork } from "./settle-fork.ts";
import { releaseSnapshots, trashedSnapshots } from "./snapshots.ts";
import { type VolumeBelonging, releaseVolumes, trashedVolumes } from "./volumes.ts";
import {
  CONTAINER_ID,
  type ContainerRecord,
  type ExitRecord,
  exitPath,
  findExit,
  findRecord,
  findRecordIn,
} from "./records.ts";

/** What native/core/lock.c calls a live file that is not there yet. */
const LIVE_DRAFT = ".draft-";

/** 128 + SIGKILL: what a container reads that died with its keeper. */
const KILLED = 137;

/**
 * Cheap when there is nothing to do. Any number of processes may do this at once. What cannot be
 * repaired now is left to the next: a full disk must not keep anybody from removing containers.
 */
export async function sweep(context: EngineContext): Promise<void> {
  const { paths } = context;
  for (const name of await readdir(paths.live)) {
    if (CONTAINER_ID.test(name)) await sweepOne(context, name).catch(() => undefined);
    else if (name.startsWith(LIVE_DRAFT)) takeOver(paths, name)?.finish();
  }
  const trash = await readdir(paths.trash);
  for (const id of trash) {
    if (CONTAINER_ID.test(id)) await emptyTrash(context, id).catch(() => undefined);
  }
  const others = [...trashedVolumes(paths, trash), ...trashedSnapshots(paths, trash)];
  if (others.length > 0) await removeTrees(context, others).catch(() => undefined);
}

async function removeTrees(context: EngineContext, trees: readonly string[]): Promise<void> {
  const { namespace } = await context.mapped();
  await removeTree(namespace, trees);
}

async function emptyTrash(context: EngineContext, id: string): Promise<void> {
  const live = claimLive(context.paths, id, { purpose: "remove" });
  if (live !== undefined) await finishing(live, () => repair(context, id, live));
}

/** The same for one container. Nothing happens while somebody holds it. */
export async function sweepOne(context: EngineContext, id: string): Promise<void> {
  const live = takeOver(context.paths, id);
  if (live !== undefined) await finishing(live, () => repair(context, id, live));
}

async function finishing(live: Live, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    live.close(); // the file stays: the next sweep tries again
    throw error;
  }
  live.finish();
}

async function repair(context: EngineContext, id: string, live: Live): Promise<void> {
  const { paths } = context;
  const { content } = live;
  await endProcess(content);
  if (content.purpose !== "remove") await settleFork(context, id, live);
  const record = await findRecord(paths, id);
  const known = record ?? (await findTrashed(paths, id));
  const belongings =
    known === undefined ? content : { ...belongingsOf(known), ...content, name: known.name };
  if (record === undefined) return discard(context, id, belongings);
  const wasRun = !["create", "fork", "copy"].includes(content.purpose ?? "");
  if (content.purpose === "remove" || (wasRun && record.remove)) {
    await discard(context, id, belongings);
    return recordContainer(context, "destroy", { container: record });
  }
  const exit = endingOf(content);
  if (exit === undefined || (await findExit(paths, id)) !== undefined) return;
  await writeAtomic(exitPath(paths, id), `${JSON.stringify(exit)}\n`);
  if (exit.startedAt === undefined) return;
  const attributes = { exitCode: String(exit.exitCode) };
  recordContainer(context, "die", { container: record, attributes });
}

/** How a container ended whose live file nobody holds; `undefined` when it had not started. */
export function endingOf(content: LiveContent): ExitRecord | undefined {
  const { startedAt, exitCode = KILLED, error, restartCount } = content;
  if (startedAt === undefined && content.exitCode === undefined) return undefined;
  return {
    exitCode,
    ...(startedAt === undefined ? {} : { startedAt }),
    finishedAt: content.finishedAt ?? new Date().toISOString(),
    ...(error === undefined ? {} : { error }),
    ...(restartCount === undefined ? {} : { restartCount }),
  };
}

/** Half deleted, it may have lost its record; what matters of it has gone before, then. */
async function findTrashed(paths: Paths, id: string): Promise<ContainerRecord | undefined> {
  return findRecordIn(join(paths.trash, id)).catch(() => undefined);
}

/** What a container has outside of its directory. */
export interface Belongings {
  readonly name?: string;
  readonly trees?: readonly string[];
  readonly volumes?: readonly VolumeBelonging[];
  readonly snapshots?: readonly string[];
}

/** `volumes`: its anonymous ones go with it, as they do with one that goes by itself. */
export function belongingsOf(
  { name, trees, mounts, remove, snapshots = [] }: ContainerRecord,
  { volumes = remove }: { readonly volumes?: boolean | undefined } = {},
): Belongings {
  const own = mounts.filter((mount) => mount.type === "volume");
  return {
    name,
    trees,
    snapshots,
    volumes: own.map(({ source, anonymous }) => ({
      name: source,
      remove: volumes && anonymous === true,
    })),
  };
}

/**
 * Take a container away, or what there is of it: out of sight first, then at leisure. The name
 * goes before its container, so that nobody finds the one without the other. The caller holds
 * its live file.
 */
export async function discard(
  context: EngineContext,
  id: string,
  { name, trees = [], volumes = [], snapshots = [] }: Belongings,
): Promise<void> {
  const { paths } = context;
  if (name !== undefined) await releaseName(paths, id, name);
  const trash = join(paths.trash, id);
  try {
    await rename(paths.container(id), trash);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  // Up to here it may have been renamed.
  const last = await findTrashed(paths, id);
  if (last !== undefined && last.name !== name) await releaseName(paths, id, last.name);
  const released = [
    ...(await releaseVolumes(paths, id, volumes)),
    ...(await releaseSnapshots(paths, id, snapshots)),
  ];
  // The container's own directory last: it says what else there is.
  await removeTrees(context, [...released, ...trees, draftOf(paths, id), trash]);
}

/** Where a container is put together before it appears. */
export function draftOf(paths: Paths, id: string): string {
  return join(paths.containers, `.draft-${id}`);
}

const LONGEST_DEATH_MS = 5_000;
/** As native/init/cgroup.c makes them. */
const CGROUP = /^\/sys\/fs\/cgroup(?:\/.*)?\/marmita-[0-9a-f]{64}$/;

/** Its keeper's death should have killed it; this is for what got away, and for its control group. */
export async function endProcess(content: LiveContent): Promise<void> {
  await endFirst(content);
  if (content.cgroup !== undefined) await removeCgroup(content.cgroup);
}

/** What was in it is ending: that takes the kernel a moment. */
async function removeCgroup(directory: string): Promise<void> {
  if (!CGROUP.test(directory)) return;
  const deadline = performance.now() + LONGEST_DEATH_MS;
  const patience = new Patience();
  while (performance.now() < deadline) {
    try {
      return await rmdir(directory);
    } catch (error) {
      if (errnoOf(error) !== "EBUSY") return;
      await patience.wait();
    }
  }
}

async function endFirst({ pid, pidStart, bootId }: LiveContent): Promise<void> {
  if (pid === undefined || bootId !== (await thisBoot())) return;
  const deadline = performance.now() + LONGEST_DEATH_MS;
  const patience = new Patience();
  while ((await startTime(pid)) === pidStart && performance.now() < deadline) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (errnoOf(error) === "ESRCH") return;
      throw error;
    }
    await patience.wait();
  }
}

async function thisBoot(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Field 22 of /proc/PID/stat; the command's name before it may hold anything (proc(5)). */
async function startTime(pid: number): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : Number(fields[19]);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ESRCH") return undefined;
    throw error;
  }
}
