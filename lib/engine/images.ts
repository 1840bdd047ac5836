/** The images of one data root, for callers: what the library does, with an eye on containers. */
import type { ByteSource } from "../images/feed.ts";
import type { Image } from "../images/image.ts";
import type { ImportOptions } from "../images/import.ts";
import type { LoadOptions, LoadedImage } from "../images/load.ts";
import type { ImageUser, RemovedImage } from "../images/remove.ts";
import type { Digest } from "../oci/digest.ts";
import {
  checkImportOptions,
  checkLoadOptions,
  checkRemoveImageOptions,
  checkText,
} from "./checks.ts";
import type { Containers } from "./containers.ts";
import type { EngineContext } from "./context.ts";
import { explained } from "./failures.ts";
import type { RecordedMount } from "./mounts.ts";
import { type ImageInspection, inspectImage } from "./inspect.ts";

export interface RemoveImageOptions {
  /** Though it has several names, or containers made of it that do not run. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

function isOf(mount: RecordedMount, id: Digest): boolean {
  return mount.type === "image" && mount.id === id;
}

export class Images {
  readonly #context: EngineContext;
  readonly #containers: Containers;

  constructor(context: EngineContext, containers: Containers) {
    this.#context = context;
    this.#containers = containers;
  }

  /** By name, id, or a unique start of an id. Throws `NOT_FOUND`. */
  async get(nameOrId: string): Promise<Image> {
    checkText(nameOrId, "nameOrId");
    return explained("find the image", this.#context.library.get(nameOrId));
  }

  /** The same, without a throw when there is none. */
  async find(nameOrId: string): Promise<Image | undefined> {
    checkText(nameOrId, "nameOrId");
    return explained("find the image", this.#context.library.find(nameOrId));
  }

  /** All there are, the newest first. */
  async list(): Promise<readonly Image[]> {
    return explained("list the images", this.#context.library.list());
  }

  /**
   * The images of an archive (of `docker save`, `podman save`, or an OCI layout, also compressed)
   * or of an OCI layout directory: all of them, or none.
   */
  async load(source: ByteSource, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    if (typeof source === "string") checkText(source, "source");
    checkLoadOptions(options);
    const { library, work } = this.#context;
    const loading = work.begin(() => library.load(source, options));
    return explained("load the archive", loading, options.signal);
  }

  /** The tar of a root file system becomes an image, with config changes in Dockerfile syntax. */
  async import(
    source: ByteSource,
    name?: string,
    options: ImportOptions = {},
  ): Promise<LoadedImage> {
    if (typeof source === "string") checkText(source, "source");
    if (name !== undefined) checkText(name, "name");
    checkImportOptions(options);
    const { library, work } = this.#context;
    const importing = work.begin(() => library.importRootfs(source, name, options));
    return explained("import the file system", importing, options.signal);
  }

  /** What `docker inspect` prints of an image. */
  async inspect(nameOrId: string): Promise<ImageInspection> {
    return inspectImage(await this.get(nameOrId));
  }

  /** One more name for an image. */
  async tag(nameOrId: string, name: string): Promise<void> {
    checkText(nameOrId, "nameOrId");
    checkText(name, "name");
    await explained("tag the image", this.#context.library.tag(nameOrId, name));
  }

  /** A name goes, and with its last name the image. Throws `NOT_FOUND`, `CONFLICT` when in use. */
  async remove(nameOrId: string, options: RemoveImageOptions = {}): Promise<RemovedImage> {
    checkText(nameOrId, "nameOrId");
    checkRemoveImageOptions(options);
    const usedBy = (id: Digest) => this.#usersOf(id);
    const { library, work } = this.#context;
    const removing = work.begin(() => library.remove(nameOrId, { ...options, usedBy }));
    return explained("remove the image", removing, options.signal);
  }

  async #usersOf(id: Digest): Promise<readonly ImageUser[]> {
    return (await this.#containers.list())
      .filter(({ image, mounts }) => image.id === id || mounts.some((one) => isOf(one, id)))
      .map((one) => ({ id: one.id, name: one.name, running: one.state.status === "running" }));
  }
}
