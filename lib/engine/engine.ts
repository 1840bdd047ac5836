/** One data root, opened: its images, its containers and its volumes. */
import { lstat, realpath, stat } from "node:fs/promises";
import { MarmitaError } from "../errors.ts";
import { ImageLibrary } from "../images/library.ts";
import { Layers } from "../layers/snapshots.ts";
import { type MappedNamespace, openNamespace } from "../runtime/namespace.ts";
import { type StorageDriver, chooseStorageDriver } from "../runtime/storage-driver.ts";
import type { RegistriesOptions } from "../registry/configuration.ts";
import type { Registries } from "../registry/registries.ts";
import { FileBlobStore } from "../store/blobs.ts";
import { Paths, dataRoot } from "../store/paths.ts";
import { References } from "../store/references.ts";
import { makeDirectories } from "../util/make-directories.ts";
import type { CreateBundleOptions } from "./bundle-options.ts";
import { checkEngineOptions, checkPruneSystemOptions } from "./checks.ts";
import { Containers } from "./containers.ts";
import type { EngineContext } from "./context.ts";
import { type EngineEvent, eventMarks } from "./event-log.ts";
import type { EventsOptions } from "./event-stream.ts";
import { explained } from "./failures.ts";
import { RecordedUsers } from "./image-users.ts";
import { KeptContexts } from "./kept-context.ts";
import { Images } from "./images.ts";
import type { EngineInfo } from "./info.ts";
import type { LoggedIn, LoggedOut, LoginOptions, LogoutOptions } from "./login-options.ts";
import type { EngineOptions } from "./options.ts";
import { type PruneSystemOptions, type PrunedSystem, pruneSystem } from "./prune.ts";
import { sweep } from "./sweep.ts";
import { type DiskUsage, diskUsage } from "./usage.ts";
import { Volumes } from "./volume-collection.ts";
import { checkEventsOptions } from "./watch-checks.ts";
import { Work, closed } from "./work.ts";

/**
 * Holds no lock and keeps no process while idle; any number of engines, in any number of
 * processes, may be open over one data root.
 */
export class Engine implements AsyncDisposable {
  readonly images: Images;
  readonly containers: Containers;
  readonly volumes: Volumes;
  readonly #context: EngineContext;
  readonly #close: () => Promise<void>;

  /** Use `openEngine()`. */
  constructor(context: EngineContext, close: () => Promise<void>) {
    this.#context = context;
    this.#close = close;
    this.containers = new Containers(context);
    this.images = new Images(context);
    this.volumes = new Volumes(context);
  }

  /** The data root, an absolute path without links. */
  get root(): string {
    return this.#context.paths.root;
  }

  /** What this engine runs on, and what isolation it reaches here. */
  async info(): Promise<EngineInfo> {
    const { engineInfo } = await import("./info.ts");
    return explained("look at this host", engineInfo(this.#context));
  }

  /**
   * Unpack an image and describe its container: a directory that any runtime of the OCI runs, and
   * of which this engine knows nothing any more. Resolves to its absolute path. Throws `NOT_FOUND`
   * for the image, a user it does not have, or the directory around; `ALREADY_EXISTS` for one that
   * is not empty; `UNSUPPORTED` for the image `host`.
   */
  async createBundle(options: CreateBundleOptions): Promise<string> {
    const { checkBundleOptions } = await import("./bundle-checks.ts");
    checkBundleOptions(options);
    const making = this.#context.work.begin(async () => {
      const { createBundle } = await import("./create-bundle.ts");
      return createBundle(this.#context, options);
    });
    return explained("make the bundle", making, options.signal);
  }

  /**
   * What happens to containers, images and volumes of this data root, whoever does it: as an async
   * iterable, from the call on or from `since`. It goes on until it is left, `until` or an abort.
   */
  events(options: EventsOptions = {}): AsyncIterable<EngineEvent> {
    checkEventsOptions(options);
    const { paths } = this.#context;
    const marks = options.since === undefined ? eventMarks(paths) : new Map<number, number>();
    return {
      async *[Symbol.asyncIterator]() {
        const { eventsOf } = await import("./event-stream.ts");
        yield* eventsOf(paths, { ...options, marks });
      },
    };
  }

  /**
   * Keep credentials for a registry, `docker.io` or `registry.example.com:5000`, once it has taken
   * them: where Docker keeps its own. Throws `UNAUTHORIZED` when it does not take them.
   */
  async login(registry: string, options: LoginOptions = {}): Promise<LoggedIn> {
    const { checkLoginOptions, checkRegistry, login } = await import("./login.ts");
    const domain = checkRegistry(registry);
    checkLoginOptions(options);
    const going = this.#context.work.begin(() => login(this.#context, domain, options));
    return explained(`log in to ${domain}`, going, options.signal);
  }

  /** Forget the credentials for a registry; fine when there are none. */
  async logout(registry: string, options: LogoutOptions = {}): Promise<LoggedOut> {
    const { checkLogoutOptions, checkRegistry, logout } = await import("./login.ts");
    const domain = checkRegistry(registry);
    checkLogoutOptions(options);
    const going = this.#context.work.begin(() => logout(this.#context, domain, options));
    return explained(`log out of ${domain}`, going, options.signal);
  }

  /** How much room images, containers and volumes take. */
  async diskUsage(): Promise<DiskUsage> {
    const measuring = this.#context.work.begin(() => diskUsage(this.#context));
    return explained("measure the data root", measuring);
  }

  /**
   * Remove what nobody needs: containers that do not run, images without a name or all that no
   * container needs, anonymous volumes where asked for, and what is left of killed processes.
   */
  async prune(options: PruneSystemOptions = {}): Promise<PrunedSystem> {
    checkPruneSystemOptions(options);
    const pruning = this.#context.work.begin(() => pruneSystem(this.#context, options));
    return explained("prune", pruning, options.signal);
  }

  /** Waits for what has begun, kills what it started and still runs. Twice is fine. */
  async close(): Promise<void> {
    await explained("close the engine", this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Open a data root, made when missing, and repair what a power cut or a kill left there.
 * Throws `UNSUPPORTED` on other systems than Linux.
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  checkEngineOptions(options);
  if (process.platform !== "linux") {
    throw new MarmitaError("UNSUPPORTED", `containers need Linux, this is ${process.platform}`);
  }
  const root = dataRoot(options.root);
  if (options.registries !== undefined) await checkRegistries(options.registries);
  return explained(`open the data root ${root}`, open(root, options));
}

/** Loaded by those alone who have such options: the rest need nothing of registries yet. */
async function checkRegistries(registries: RegistriesOptions): Promise<void> {
  const { checkRegistriesOptions } = await import("../registry/configuration.ts");
  checkRegistriesOptions(registries);
}

type HowToOpen = Omit<EngineOptions, "root">;

async function open(
  root: string,
  { ids, storageDriver = "auto", registries: registriesOptions }: HowToOpen,
): Promise<Engine> {
  const paths = await makeRoot(root);
  const work = new Work();
  let isOver = false;
  const mapped = once(async () => {
    if (isOver) throw closed();
    return openNamespace({ ids });
  });
  const driver = once(async () => {
    const { namespace, mapping } = await mapped.get();
    return chooseStorageDriver({ paths, namespace, mapping }, storageDriver);
  });
  const registries = once(async () => {
    if (isOver) throw closed();
    const opened = await import("../registry/registries.ts");
    return opened.Registries.open({ registries: registriesOptions });
  });
  const layers = new Layers({ paths, mapped: mapped.get });
  const blobs = new FileBlobStore(paths.blobs);
  const references = new References(paths);
  const users = new RecordedUsers(paths);
  const library = new ImageLibrary({ paths, blobs, references, layers, users });
  const context: EngineContext = {
    paths,
    library,
    layers,
    mapped: mapped.get,
    kept: (ids) => kept.of(ids),
    driver: driver.get,
    registries: registries.get,
    work,
    running: new Map(),
    execs: new Set(),
  };
  const kept = new KeptContexts(context);
  const close = async (): Promise<void> => {
    await work.close();
    const running = [...context.execs, ...context.running.values()];
    await Promise.all(running.map((one) => one[Symbol.asyncDispose]()));
    isOver = true;
    await kept.close();
    await (await registries.forget())?.close();
    const opened = await mapped.forget();
    opened?.namespace.close();
  };
  try {
    await sweep(context);
  } catch (error) {
    await close();
    throw error;
  }
  return new Engine(context, close);
}

/** For its owner alone: setuid files of images lie in it, and everybody's secrets. */
async function makeRoot(asked: string): Promise<Paths> {
  await makeDirectories(asked, 0o700);
  const paths = new Paths(await realpath(asked));
  await checkPlace(paths.root);
  const { images, layers, containers, names, live, trash, seccomp, locks, volumes, snapshots } =
    paths;
  const all = [images, layers, containers, names, live, trash, seccomp, locks, volumes, snapshots];
  for (const directory of all) {
    await makeDirectories(directory, 0o700);
    await checkPrivate(directory);
  }
  return paths;
}

/**
 * Whoever may rename what lies there could put links in its place. Where many may write, as in
 * /tmp, the sticky bit keeps them from that; but then the directories must not be theirs.
 */
async function checkPlace(root: string): Promise<void> {
  const { uid, mode } = await stat(root);
  if (uid !== process.geteuid?.() && uid !== 0) throw ofOthers(root);
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) throw writableByOthers(root);
}

async function checkPrivate(directory: string): Promise<void> {
  const found = await lstat(directory);
  if (found.uid !== process.geteuid?.() || !found.isDirectory()) throw ofOthers(directory);
  if ((found.mode & 0o022) !== 0) throw writableByOthers(directory);
}

function ofOthers(directory: string): MarmitaError {
  return new MarmitaError("CONFLICT", `${directory} is no directory of this user`, {
    hint: "Choose a data root of your own with MARMITA_ROOT or --root.",
    details: { directory },
  });
}

function writableByOthers(directory: string): MarmitaError {
  return new MarmitaError("CONFLICT", `${directory} can be written by other users`, {
    hint: `Once nothing in it is theirs: chmod go-w ${directory}`,
    details: { directory },
  });
}

interface Once<T> {
  /** The same to everybody; what failed is tried again by the next who asks. */
  readonly get: () => Promise<T>;
  /** What there was, if it worked; nobody gets it from now on. */
  readonly forget: () => Promise<T | undefined>;
}

function once<T extends MappedNamespace | StorageDriver | Registries>(
  make: () => Promise<T>,
): Once<T> {
  let made: Promise<T> | undefined;
  return {
    get() {
      const making = (made ??= make());
      making.catch(() => {
        if (made === making) made = undefined;
      });
      return making;
    },
    async forget() {
      const last = made;
      made = undefined;
      return last?.catch(() => undefined);
    },
  };
}
