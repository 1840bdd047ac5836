/** A container's files as they were at one moment, for as many containers over them as are wanted. */
import type { StartOptions } from "./options.ts";
import { checkForkOptions, checkForkAndStart } from "./checks.ts";
import { Container, type StartedContainer } from "./container.ts";
import type { EngineContext } from "./context.ts";
import type { Created } from "./create.ts";
import { explained } from "./failures.ts";
import { forkContainer, freezeNew } from "./fork.ts";
import type { ForkOptions } from "./fork-options.ts";
import { forkAndStart } from "./fork-start.ts";
import type { ContainerRecord } from "./records.ts";
import { belongingsOf, discard } from "./sweep.ts";
import { heldSnapshots } from "./settle-fork.ts";

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
}

/**
 * Holds a container that nobody can start, and that goes with this: `ps -a` lists it. Forks live on
 * without it. Of a process that is killed, the next command puts it away.
 */
export class Snapshot implements AsyncDisposable {
  readonly #context: EngineContext;
  readonly #held: Created;
  /** Of the container it was made of. */
  readonly #remove: boolean;
  #disposing: Promise<void> | undefined;

  /** Use `Containers.snapshot()`. */
  constructor(context: EngineContext, held: Created, { remove }: { readonly remove: boolean }) {
    this.#context = context;
    this.#held = held;
    this.#remove = remove;
  }

  /** A new container over these files, as `Container.fork()` makes it. Nothing of them is copied. */
  async fork(options: ForkOptions = {}): Promise<Container> {
    checkForkOptions(options);
    const forking = this.#context.work.begin(async () => {
      const request = { options: this.#with(options), purpose: "create" } as const;
      const { record, live } = await forkContainer(this.#context, this.#held.record, request);
      live.finish();
      return record;
    });
    const record = await explained("fork the snapshot", forking, options.signal);
    return new Container(this.#context, record);
  }

  /** The same, and started, as one: see `Container.forkAndStart()`. */
  async forkAndStart(
    options: Omit<ForkOptions, "signal"> = {},
    start: StartOptions = {},
  ): Promise<StartedContainer> {
    checkForkAndStart(options, start);
    const starting = this.#context.work.begin(() => {
      const request = { options: this.#with(options), start };
      return forkAndStart(this.#context, this.#held.record, request);
    });
    const { record, process, isolation } = await explained(
      "start the fork",
      starting,
      start.signal,
    );
    return { container: new Container(this.#context, record, process), process, isolation };
  }

  #with(options: ForkOptions): ForkOptions {
    return { remove: this.#remove, ...options };
  }

  /** Forks that are there stay. Twice is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= explained("put the snapshot away", this.#dispose());
    await this.#disposing;
  }

  async #dispose(): Promise<void> {
    const { record, live } = this.#held;
    try {
      const snapshots = await heldSnapshots(this.#context.paths, record.id);
      await discard(this.#context, record.id, { ...belongingsOf(record), snapshots });
    } catch (error) {
      live.close(); // the next sweep goes on from here
      throw error;
    }
    live.finish();
  }
}

/** A container of its own that is a fork of it, frozen; on failure there is none. */
export async function takeSnapshot(
  context: EngineContext,
  record: ContainerRecord,
  { signal }: SnapshotOptions,
): Promise<Snapshot> {
  const options = { remove: true, ...(signal === undefined ? {} : { signal }) };
  const made = await forkContainer(context, record, { options, purpose: "start" });
  const { live } = made;
  try {
    const held = { record: await freezeNew(context, made), live };
    live.write({ purpose: "hold", name: held.record.name });
    return new Snapshot(context, held, record);
  } catch (error) {
    live.close(); // one that is to be removed and does not run goes with the next sweep
    throw error;
  }
}
