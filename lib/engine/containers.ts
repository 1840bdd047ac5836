/** The containers of one data root: made, found, listed, removed. */
import {
  checkCreateOptions,
  checkListContainersOptions,
  checkPruneContainersOptions,
  checkRun,
  checkSignal,
  checkSnapshotOptions,
  checkStartOptions,
  checkTerminalOptions,
  checkText,
} from "./checks.ts";
import { Container, type StartedContainer } from "./container.ts";
import type { ListContainersOptions } from "./container-filters.ts";
import type { EngineContext } from "./context.ts";
import { createContainer } from "./create.ts";
import { explained } from "./failures.ts";
import type { CreateOptions, ImplicitPullOptions } from "./container-options.ts";
import { findContainer, noSuchContainer } from "./find.ts";
import { type ContainerSummary, listContainers } from "./list.ts";
import { reached } from "./networking.ts";
import type { DetachedRunOptions, RunOptions, RunResult, StartOptions } from "./options.ts";
import { type PruneContainersOptions, type PrunedContainers, pruneContainers } from "./prune.ts";
import type { RemoveOptions } from "./remove.ts";
import { runContainer } from "./run.ts";
import type { Snapshot, SnapshotOptions } from "./snapshot.ts";
import { startClaimed } from "./start.ts";
import type { ContainerStats, WatchStatsOptions } from "./stats.ts";
import { checkWatchStatsOptions } from "./watch-checks.ts";

export interface CreateAndStartOptions
  extends StartOptions, Pick<ImplicitPullOptions, "onPullProgress"> {
  /** Told the id when the container is there, before it starts; what it throws ends both. */
  readonly onCreated?: ((id: string) => void) | undefined;
  /**
   * A descriptor of the terminal of this machine on which the container's is shown. The keeper
   * puts back the mode it has now, should this process be killed.
   */
  readonly hostTerminal?: number | undefined;
}

export class Containers {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** Make a container, not yet started. Throws `NOT_FOUND` for the image, `ALREADY_EXISTS`. */
  async create(options: CreateOptions & { readonly signal?: AbortSignal }): Promise<Container> {
    const { signal, ...rest } = options;
    checkCreateOptions(rest);
    checkSignal(signal);
    const request = { options: rest, purpose: "create", signal } as const;
    const creating = this.#context.work.begin(async () => {
      const { record, live } = await createContainer(this.#context, request);
      live.finish();
      return record;
    });
    return new Container(this.#context, await explained("create the container", creating, signal));
  }

  /**
   * Make a container and start it, as one: whatever dies in between, one with `remove` is not left
   * behind. Throws as `create` and `Container.start` do; what cannot start is kept without `remove`.
   */
  async createAndStart(
    options: CreateOptions,
    given: CreateAndStartOptions = {},
  ): Promise<StartedContainer> {
    const { onCreated, hostTerminal, onPullProgress, ...start } = given;
    checkCreateOptions(options);
    checkStartOptions(start);
    checkTerminalOptions(options.tty === true, start);
    const starting = this.#context.work.begin(() => {
      const create = onPullProgress === undefined ? options : { ...options, onPullProgress };
      return this.#createAndStart(create, start, { onCreated, hostTerminal });
    });
    return explained("start the container", starting, start.signal);
  }

  async #createAndStart(
    options: CreateOptions,
    start: StartOptions,
    { onCreated, hostTerminal }: CreateAndStartOptions,
  ): Promise<StartedContainer> {
    const { signal } = start;
    const request = { options, purpose: "start", start, signal } as const;
    const creating = createContainer(this.#context, request);
    const { record, live } = await explained("create the container", creating, start.signal);
    const prepare = () => onCreated?.(record.id);
    const claimed = { record, live, options: start, prepare, hostTerminal };
    const process = await startClaimed(this.#context, claimed);
    const isolation = reached(record.isolation, process.network);
    return { container: new Container(this.#context, record, process), process, isolation };
  }

  /**
   * The files of a container, by id, name or a unique start of an id, as they are now: for many forks
   * of one that runs, or that goes on. The caller disposes of it. Throws as `Container.fork` does.
   */
  async snapshot(nameOrId: string, options: SnapshotOptions = {}): Promise<Snapshot> {
    checkSnapshotOptions(options);
    const { record } = await this.get(nameOrId);
    const taking = this.#context.work.begin(async () => {
      const { takeSnapshot } = await import("./snapshot.ts");
      return takeSnapshot(this.#context, record, options);
    });
    return explained("take a snapshot", taking, options.signal);
  }

  /**
   * Make a container, start it and see it through: what the function `run` does. With `detach` it
   * resolves to the container as soon as its command runs.
   */
  async run(
    image: string,
    command: readonly string[] | undefined,
    options: DetachedRunOptions,
  ): Promise<Container>;
  async run(
    image: string,
    command: readonly string[] | undefined,
    options: RunOptions & { readonly encoding: "buffer" },
  ): Promise<RunResult<Buffer>>;
  async run(image: string, command?: readonly string[], options?: RunOptions): Promise<RunResult>;
  async run(
    image: string,
    command?: readonly string[],
    options: RunOptions | DetachedRunOptions = {},
  ): Promise<RunResult | RunResult<Buffer> | Container> {
    if (isDetached(options)) return this.#runDetached(image, command, options);
    const request = { image, command, options };
    checkRun(request);
    const running = runContainer(this.#context, request);
    return explained("run the container", running, options.signal);
  }

  /** As with the other kind of run, what never began is not left. */
  async #runDetached(
    image: string,
    command: readonly string[] | undefined,
    { detach, columns, rows, signal, ...rest }: DetachedRunOptions,
  ): Promise<Container> {
    const options = { ...rest, image, ...(command === undefined ? {} : { command }) };
    let made: string | undefined;
    try {
      const { container } = await this.createAndStart(options, {
        detach,
        ...(columns !== undefined && { columns }),
        ...(rows !== undefined && { rows }),
        ...(signal !== undefined && { signal }),
        onCreated: (id) => (made = id),
      });
      return container;
    } catch (error) {
      if (made !== undefined) await this.remove(made).catch(() => undefined); // the first error counts
      throw error;
    }
  }

  /** By id, name, or a unique start of an id. Throws `NOT_FOUND`. */
  async get(nameOrId: string): Promise<Container> {
    const found = await this.find(nameOrId);
    if (found === undefined) throw noSuchContainer(nameOrId);
    return found;
  }

  /** The same, without a throw when there is none; more than one is `INVALID_ARGUMENT`. */
  async find(nameOrId: string): Promise<Container | undefined> {
    checkText(nameOrId, "nameOrId");
    const record = await explained(
      "find the container",
      findContainer(this.#context.paths, nameOrId),
    );
    return record === undefined ? undefined : new Container(this.#context, record);
  }

  /**
   * All there are, or those that the filters leave, the newest first. Throws `NOT_FOUND` for what
   * `before` or `since` name, `INVALID_ARGUMENT` for what is no pattern or port.
   */
  async list(options: ListContainersOptions = {}): Promise<readonly ContainerSummary[]> {
    checkListContainersOptions(options);
    const listing = this.#context.work.begin(() => listContainers(this.#context, options));
    return explained("list the containers", listing);
  }

  /** Throws `NOT_FOUND`; `CONFLICT` when it runs, unless `force` kills it. */
  async remove(nameOrId: string, options: RemoveOptions = {}): Promise<void> {
    const container = await this.get(nameOrId);
    await container.remove(options);
  }

  /**
   * What several containers use, one list after the other: of those that run, whoever comes and
   * goes, or of those that are named, until none of them runs.
   */
  watchStats(options: WatchStatsOptions = {}): AsyncIterable<readonly ContainerStats[]> {
    checkWatchStatsOptions(options);
    const context = this.#context;
    return {
      async *[Symbol.asyncIterator]() {
        const { watchAllStats } = await import("./stats.ts");
        yield* watchAllStats(context, options);
      },
    };
  }

  /** All that do not run, with what they wrote; volumes stay. */
  async prune(options: PruneContainersOptions = {}): Promise<PrunedContainers> {
    checkPruneContainersOptions(options);
    const pruning = this.#context.work.begin(() => pruneContainers(this.#context, options));
    return explained("prune containers", pruning, options.signal);
  }
}

function isDetached(options: RunOptions | DetachedRunOptions): options is DetachedRunOptions {
  return "detach" in options && options.detach;
}
