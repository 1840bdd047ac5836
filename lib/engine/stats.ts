/** What containers use: processor, memory, network, disk. */
import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Processes } from "../runtime/processes.ts";
import { type UsageSample, type UsageSource, sampleUsage } from "../runtime/usage-sample.ts";
import { abortError, throwIfAborted } from "../util/abort.ts";
import { byAge } from "./container-filters.ts";
import type { EngineContext } from "./context.ts";
import { findContainer, noSuchContainer } from "./find.ts";
import { CONTAINER_ID, type ContainerRecord, findRecord, listIds } from "./records.ts";
import { findRunning, runningProcess } from "./running.ts";

export interface StatsOptions {
  /** Time between two looks: processor time is told of what lies between them. Default: 1000. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/** What a container uses; all 0 while it does not run. */
export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly time: string;
  /**
   * `cgroup`: the container's own control group, which counts everything. `proc`: summed over its
   * processes, memory that several share by halves; of what has ended without being waited for,
   * and of files in memory, nothing. Absent while it does not run.
   */
  readonly source?: UsageSource;
  /** Since the last look; 100 is one processor. */
  readonly cpuPercent: number;
  /** Since it started. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  /** All that this machine has, where there is no limit. */
  readonly memoryLimitBytes: number;
  readonly memoryPercent: number;
  /** Of a network of its own, but for what it sends to itself. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** From and to disks. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Processes, with every thread of each. */
  readonly tasks: number;
}

const INTERVAL_MS = 1_000;

/** After two looks. Throws `CONFLICT` when it does not run, also when it ends meanwhile. */
export async function statsOf(
  context: EngineContext,
  record: ContainerRecord,
  { intervalMs = INTERVAL_MS, signal }: StatsOptions,
): Promise<ContainerStats> {
  throwIfAborted(signal);
  await runningProcess(context, record);
  const samples = new Samples(context);
  samples.take([record]);
  await pauseFor(intervalMs, signal);
  const [stats] = samples.take([record]);
  if (stats?.source === undefined) await runningProcess(context, record);
  return stats ?? nothing(record);
}

/** One after the other while it runs. */
export async function* watchStatsOf(
  context: EngineContext,
  record: ContainerRecord,
  { intervalMs = INTERVAL_MS, signal }: StatsOptions,
): AsyncGenerator<ContainerStats, void> {
  throwIfAborted(signal);
  await runningProcess(context, record);
  const samples = new Samples(context);
  samples.take([record]);
  for (;;) {
    await pauseFor(intervalMs, signal);
    const [stats] = samples.take([record]);
    if (stats?.source === undefined) return;
    yield stats;
  }
}

export interface WatchStatsOptions extends StatsOptions {
  /** By name, id or a unique start of an id. Default: those that run, whoever comes and goes. */
  readonly containers?: readonly string[];
  /** Also those that do not run. Default: false. */
  readonly all?: boolean;
}

/**
 * Of several at once, one list after the other. Of named ones, until none of them runs, unless
 * `all` is given; else for ever. Throws `NOT_FOUND` for one that is not there.
 */
export async function* watchAllStats(
  context: EngineContext,
  { containers, all = false, intervalMs = INTERVAL_MS, signal }: WatchStatsOptions,
): AsyncGenerator<readonly ContainerStats[], void> {
  throwIfAborted(signal);
  const named = containers === undefined ? undefined : await idsOf(context, containers);
  const look = async () => {
    return named === undefined ? list(context, all) : recordsOf(context, named);
  };
  const samples = new Samples(context);
  samples.take(await look());
  for (;;) {
    await pauseFor(intervalMs, signal);
    const found = samples.take(await look());
    const running = found.filter(({ source }) => source !== undefined);
    yield all || named !== undefined ? found : running;
    if (named !== undefined && !all && running.length === 0) return;
  }
}

/** The newest first: all of them, or those that may be running. */
async function list(context: EngineContext, all: boolean): Promise<readonly ContainerRecord[]> {
  const { paths } = context;
  const ids = all ? await listIds(paths) : await readdir(paths.live);
  const records = await recordsOf(
    context,
    ids.filter((id) => CONTAINER_ID.test(id)),
  );
  return [...records].sort(byAge);
}

async function idsOf(context: EngineContext, names: readonly string[]): Promise<readonly string[]> {
  const found = names.map(async (name) => {
    const record = await findContainer(context.paths, name);
    if (record === undefined) throw noSuchContainer(name);
    return record.id;
  });
  return Promise.all(found);
}

/** Without those that were removed. */
async function recordsOf(
  { paths }: EngineContext,
  ids: readonly string[],
): Promise<readonly ContainerRecord[]> {
  const records = await Promise.all(ids.map((id) => findRecord(paths, id)));
  return records.filter((record) => record !== undefined);
}

/** Looks at several containers, and what each has used since the last look. */
export class Samples {
  readonly #context: EngineContext;
  #last: ReadonlyMap<string, UsageSample> = new Map();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** One for each, in their order. */
  take(records: readonly ContainerRecord[]): readonly ContainerStats[] {
    const processes = new Processes();
    const samples = new Map<string, UsageSample>();
    const stats = records.map((record) => {
      const first = findRunning(this.#context, record);
      const hasNetwork = record.isolation.network === "private";
      const sample = first && sampleUsage({ id: record.id, pid: first.pid, hasNetwork }, processes);
      if (sample === undefined) return nothing(record);
      samples.set(record.id, sample);
      return between(record, this.#last.get(record.id), sample);
    });
    this.#last = samples;
    return stats;
  }
}

function between(
  record: ContainerRecord,
  last: UsageSample | undefined,
  { atMs, ...sample }: UsageSample,
): ContainerStats {
  const passedMs = last === undefined ? 0 : atMs - last.atMs;
  const usedMs = last === undefined ? 0 : Math.max(0, sample.cpuMs - last.cpuMs);
  return {
    ...nothing(record),
    ...sample,
    cpuPercent: passedMs > 0 ? (100 * usedMs) / passedMs : 0,
    memoryPercent: (100 * sample.memoryBytes) / sample.memoryLimitBytes,
  };
}

function nothing({ id, name }: ContainerRecord): ContainerStats {
  return {
    id,
    name,
    time: new Date().toISOString(),
    cpuPercent: 0,
    cpuMs: 0,
    memoryBytes: 0,
    memoryLimitBytes: 0,
    memoryPercent: 0,
    receivedBytes: 0,
    sentBytes: 0,
    readBytes: 0,
    writtenBytes: 0,
    tasks: 0,
  };
}

async function pauseFor(intervalMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(intervalMs, undefined, { signal });
  } catch (error) {
    throw signal?.aborted === true ? abortError(signal) : error;
  }
}
