/** Containers for tests, whatever runs these: prepared, handed out, and put away again. */
import {
  type ApiOptions,
  type Container,
  type ContainerOptions,
  type Containers,
  type CreateOptions,
  type Engine,
  type ForkOptions,
  MarmitaError,
  type StartedContainer,
  openEngine,
} from "../index.ts";
import { OWNER_LABEL, removeOrphans, thisProcess } from "./owner.ts";
import { type ReadyOptions, endGently, getReady } from "./ready.ts";

export interface TestContainerOptions extends ContainerOptions, ApiOptions, ReadyOptions {
  /** A name or id of an image; or `host`. Not together with `from`. */
  readonly image?: string;
  /** The name or id of a container that is there: each test gets a fork of it. */
  readonly from?: string;
  /**
   * Default: `sleep`, without an entrypoint, so that tests can execute in it what they want; `null`:
   * what the image, or the container `from`, says.
   */
  readonly command?: readonly string[] | null;
  /**
   * Done once, in one container, which is stopped then: each test gets a fork of that. What is on its
   * disk by then is there, in anonymous volumes too; its processes are not.
   */
  readonly prepare?: (container: Container) => unknown;
}

/** Every `sleep` takes it, and none wakes up before the tests are over. */
const IDLE = { command: ["sleep", "2147483647"], entrypoint: [] } as const;

interface Source {
  readonly start: () => Promise<StartedContainer>;
  /** What goes in the end. */
  readonly prepared?: Container;
}

/** Gives out containers that run and are ready. */
export class TestContainers implements AsyncDisposable {
  readonly #options: TestContainerOptions;
  /** Of its own, unless it was given one. */
  #engine: Promise<Engine> | undefined;
  #source: Promise<Source> | undefined;

  /** Nothing happens until one is asked for. Throws `INVALID_ARGUMENT`. */
  constructor(options: TestContainerOptions) {
    const { image, from, prepare } = options;
    if ((image === undefined) === (from === undefined)) {
      throw new MarmitaError("INVALID_ARGUMENT", 'expected either "image" or "from"');
    }
    if (from !== undefined && prepare !== undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", '"prepare" goes with "image", not with "from"');
    }
    this.#options = options;
  }

  /**
   * One more; whoever gets it disposes of it. Rejects when it cannot start or does not get ready, and
   * then nothing of it is left.
   */
  async next(): Promise<Container> {
    const { start } = await (this.#source ??= this.#open());
    const started = await start();
    try {
      await getReady(started, this.#options);
    } catch (error) {
      await started.container[Symbol.asyncDispose]();
      throw error;
    }
    return started.container;
  }

  async #open(): Promise<Source> {
    const { engine, root, from, prepare } = this.#options;
    this.#engine =
      engine === undefined ? openEngine(root === undefined ? {} : { root }) : undefined;
    const containers = (await (engine ?? this.#engine))?.containers;
    if (containers === undefined) throw new Error("no engine");
    await removeOrphans(containers);
    if (from !== undefined) {
      const source = await containers.get(from);
      return { start: () => source.forkAndStart(forkOptions(this.#options)) };
    }
    const create = createOptions(this.#options);
    if (prepare === undefined) {
      return { start: () => containers.createAndStart({ ...create, remove: true }) };
    }
    const prepared = await this.#prepare(containers, { create, prepare });
    return { start: () => prepared.forkAndStart({ remove: true }), prepared };
  }

  async #prepare(containers: Containers, { create, prepare }: Preparing): Promise<Container> {
    const labels = { ...create.labels, [OWNER_LABEL]: thisProcess() };
    const started = await containers.createAndStart({ ...create, labels });
    const { container } = started;
    try {
      await getReady(started, this.#options);
      await prepare(container);
      await endGently(started);
      return container;
    } catch (error) {
      await container.remove({ force: true, volumes: true });
      throw error;
    }
  }

  /** What was prepared goes. Those that were given out and not disposed of go with the engine. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { prepared } = (await this.#source?.catch(() => undefined)) ?? {};
    await prepared?.remove({ force: true, volumes: true });
    const engine = await this.#engine?.catch(() => undefined);
    await engine?.close();
  }
}

interface Preparing {
  readonly create: CreateOptions;
  readonly prepare: NonNullable<TestContainerOptions["prepare"]>;
}

/** What both kinds of containers are made with. A process that passes on signals ends at once. */
function containerOptions(options: TestContainerOptions): Omit<CreateOptions, "image"> {
  const { image: _, from: _from, prepare: _p, ready: _r, readyTimeoutMs: _t, ...rest } = options;
  const { engine: _e, root: _root, command, ...container } = rest;
  const asked = command ?? undefined;
  const isIdle = command === undefined && container.entrypoint === undefined;
  return {
    init: true,
    ...container,
    ...(asked === undefined ? {} : { command: asked }),
    ...(isIdle ? IDLE : {}),
  };
}

function createOptions(options: TestContainerOptions): CreateOptions {
  return { ...containerOptions(options), image: options.image ?? "" };
}

function forkOptions(options: TestContainerOptions): Omit<ForkOptions, "signal"> {
  return { ...containerOptions(options), remove: true };
}
