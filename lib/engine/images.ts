/** The images of one data root, for callers: what the library does, with an eye on containers. */
import type { ByteTarget } from "../images/drain.ts";
import type { ByteSource } from "../images/feed.ts";
import type { ImageFilters } from "../images/filter.ts";
import type { ImageHistoryEntry } from "../images/history.ts";
import type { Image } from "../images/image.ts";
import type { ImportOptions } from "../images/import.ts";
import type { LoadOptions, LoadedImage } from "../images/load.ts";
import type { ImageLibrary } from "../images/library.ts";
import type { PullOptions, PulledImage } from "../images/pull-options.ts";
import type { PrunedImages } from "../images/prune.ts";
import type { PushOptions, PushRequest, PushedImage } from "../images/push.ts";
import type { ReferrersOptions } from "../images/referrers.ts";
import type { RemovedImage } from "../images/remove.ts";
import type { SaveOptions, SavedImage } from "../images/save.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import {
  checkImageFilters,
  checkImportOptions,
  checkLoadOptions,
  checkPruneImagesOptions,
  checkPushOptions,
  checkReferrersOptions,
  checkPullOptions,
  checkRemoveImageOptions,
  checkSaveOptions,
  checkText,
  checkWords,
} from "./checks.ts";
import type { SearchOptions, SearchResult } from "../registry/search-options.ts";
import type { EngineContext } from "./context.ts";
import { explained } from "./failures.ts";
import { type PruneImagesOptions, pruneImages } from "./prune.ts";
import { checkSearchOptions } from "./registry-checks.ts";
import { noteLoaded, notePushed, noteRemoved, noteSaved, noteTagged } from "./image-events.ts";
import { type ImageInspection, inspectImage } from "./inspect-image.ts";

export interface RemoveImageOptions {
  /** Though it has several names, or containers made of it that do not run. */
  readonly force?: boolean;
  /** With the images without a name that it was made from and nobody else needs. Default: true. */
  readonly prune?: boolean;
  readonly signal?: AbortSignal;
}

export class Images {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
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

  /** All there are, or those that `filters` leave, the newest first. */
  async list(filters: ImageFilters = {}): Promise<readonly Image[]> {
    checkImageFilters(filters);
    return explained("list the images", this.#context.library.list(filters));
  }

  /** What an image is made of, the latest step first. Throws `NOT_FOUND`. */
  async history(nameOrId: string): Promise<readonly ImageHistoryEntry[]> {
    checkText(nameOrId, "nameOrId");
    return explained("look at the image", this.#context.library.history(nameOrId));
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
    const loaded = await explained("load the archive", loading, options.signal);
    noteLoaded(this.#context, "load", loaded);
    return loaded;
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
    const imported = await explained("import the file system", importing, options.signal);
    noteLoaded(this.#context, "import", [imported]);
    return imported;
  }

  /**
   * An image from a registry: `busybox`, `quay.io/org/name:tag`, `name@sha256:…`. What is here is
   * not fetched again; by its digest, it is given no name. Throws `NOT_FOUND`, `UNAUTHORIZED`,
   * `DENIED`, `RATE_LIMITED`, `UNAVAILABLE`, `CORRUPT` for bytes that are not what they should be,
   * and `UNSUPPORTED` when there is none for the platform; what the name meant before it then still
   * means.
   */
  async pull(name: string, options: PullOptions = {}): Promise<PulledImage> {
    checkText(name, "name");
    checkPullOptions(options);
    const pulling = this.#context.work.begin(async () => {
      const { pullImage } = await import("./pull.ts");
      return pullImage(this.#context, name, options);
    });
    return explained("pull the image", pulling, options.signal);
  }

  /** The same for every tag of a repository, one after the other; the first that fails ends it. */
  async pullAll(repository: string, options: PullOptions = {}): Promise<readonly PulledImage[]> {
    checkText(repository, "repository");
    checkPullOptions(options);
    const pulling = this.#context.work.begin(async () => {
      const { pullAllTags } = await import("./pull.ts");
      return pullAllTags(this.#context, repository, options);
    });
    return explained("pull the images", pulling, options.signal);
  }

  /**
   * Images, by name or id, as an archive: to a path, a stream or a descriptor. A name without a tag
   * means all images of that name, as in `docker save`; layers they share are written once. With a
   * path, there is the whole archive under it in the end, or what was there before. Throws
   * `NOT_FOUND` before anything is written.
   */
  async save(
    images: string | readonly string[],
    target: ByteTarget,
    options: SaveOptions = {},
  ): Promise<readonly SavedImage[]> {
    const asked = typeof images === "string" ? [images] : images;
    checkWords(asked, "images");
    if (typeof target === "string") checkText(target, "target");
    checkSaveOptions(options);
    const { library, work } = this.#context;
    const saving = work.begin(() => library.save({ images: asked, target, options }));
    const saved = await explained("save the images", saving, options.signal);
    noteSaved(this.#context, saved);
    return saved;
  }

  /**
   * An image to the registry that its name begins with, `docker.io` unless said: layers that are
   * missing there, mounted from another repository where that is possible, and in the end the
   * manifest. Layers that are plain tars are compressed. Throws `NOT_FOUND`, `INVALID_ARGUMENT` for
   * an id or digest, `UNAUTHORIZED`, `DENIED`.
   */
  async push(name: string, options: PushOptions = {}): Promise<PushedImage> {
    return this.#push(name, options, (library, request) => library.push(request));
  }

  /** All tags of a repository that there are here, one after the other; those before a failure stay. */
  async pushAll(repository: string, options: PushOptions = {}): Promise<readonly PushedImage[]> {
    return this.#push(repository, options, (library, request) => library.pushAll(request));
  }

  async #push<T>(
    name: string,
    options: PushOptions,
    push: (library: ImageLibrary, request: PushRequest) => Promise<T>,
  ): Promise<T> {
    checkText(name, "name");
    checkPushOptions(options);
    const { library, work, registries } = this.#context;
    const onPushed = (image: PushedImage) => notePushed(this.#context, image);
    const pushing = work.begin(async () => {
      return push(library, { name, options, targets: await registries(), onPushed });
    });
    return explained("push the image", pushing, options.signal);
  }

  /**
   * Images in Docker Hub with a word in their name or description; of `registry/word`, those of
   * that registry, by name. Nothing of it is here.
   */
  async search(term: string, options: SearchOptions = {}): Promise<readonly SearchResult[]> {
    checkText(term, "term");
    checkSearchOptions(options);
    const { work, registries } = this.#context;
    const searching = work.begin(async () => (await registries()).search(term, options));
    return explained("search for images", searching, options.signal);
  }

  /**
   * What refers to an image in its registry: signatures, attestations. The name need not be that
   * of an image here; the digest after an `@`, or else what the tag stands for at the time of the call.
   */
  async referrers(name: string, options: ReferrersOptions = {}): Promise<readonly Descriptor[]> {
    checkText(name, "name");
    checkReferrersOptions(options);
    const { work, registries } = this.#context;
    const { referrers } = await import("../images/referrers.ts");
    const asking = work.begin(async () => referrers(await registries(), name, options));
    return explained("list referrers", asking, options.signal);
  }

  /** What `docker inspect` prints of an image. */
  async inspect(nameOrId: string): Promise<ImageInspection> {
    const image = await this.get(nameOrId);
    return explained("inspect the image", inspectImage(this.#context, image));
  }

  /** One more name for an image. */
  async tag(nameOrId: string, name: string): Promise<void> {
    checkText(nameOrId, "nameOrId");
    checkText(name, "name");
    const { library } = this.#context;
    await explained("tag the image", library.tag(nameOrId, name));
    const tagged = await library.find(name).catch(() => undefined); // gone again
    if (tagged !== undefined) noteTagged(this.#context, tagged.id, name);
  }

  /** A name goes, and with its last name the image. Throws `NOT_FOUND`, `CONFLICT` when in use. */
  async remove(nameOrId: string, options: RemoveImageOptions = {}): Promise<RemovedImage> {
    checkText(nameOrId, "nameOrId");
    checkRemoveImageOptions(options);
    const { library, work } = this.#context;
    const removing = work.begin(async () => {
      const image = await library.find(nameOrId).catch(() => undefined); // damaged ones go, too
      const removed = await library.remove(nameOrId, options);
      noteRemoved(this.#context, removed, image?.id);
      return removed;
    });
    return explained("remove the image", removing, options.signal);
  }

  /** Those without a name, or all, that no container needs; and blobs and layers of no image. */
  async prune(options: PruneImagesOptions = {}): Promise<PrunedImages> {
    checkPruneImagesOptions(options);
    const pruning = this.#context.work.begin(() => pruneImages(this.#context, options));
    return explained("prune images", pruning, options.signal);
  }
}
