/** The images of one data root: found, listed, added, named, removed. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { canonical, familiar, parseImageName } from "../oci/reference.ts";
import { lock } from "../store/lock.ts";
import type { ImageEntry } from "../store/references.ts";
import type { CommittedImage, NewCommit } from "./commit.ts";
import type { ByteSource } from "./feed.ts";
import { type ImageFilters, filterImages } from "./filter.ts";
import { type ImageHistoryEntry, historyOf } from "./history.ts";
import { type Image, type ImageContent, type ImageLayer, readImage } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import { type ImportOptions, importRootfs } from "./import.ts";
import { type LoadOptions, type LoadedImage, load } from "./load.ts";
import { type StoredImage, idPrefix, matches, nameOf, namesOf, notFound } from "./names.ts";
import { type PruneOptions, type PrunedImages, prune } from "./prune.ts";
import type { PulledImage } from "./pull-options.ts";
import type { PullRequest, Pulled } from "./pull.ts";
import type { PushRequest, PushedImage } from "./push.ts";
import { type RemoveOptions, type RemovedImage, remove } from "./remove.ts";
import { repoDigestsOf } from "./repo-digests.ts";
import type { SaveRequest, SavedImage } from "./save.ts";
import { type ImagesUsage, imagesUsage } from "./usage.ts";

export class ImageLibrary {
  readonly #store: ImageStore;
  /** By the digest of what index.json names; what it stands for never changes. */
  readonly #contents = new Map<Digest, ImageContent>();
  readonly #sizes = new Map<Digest, number>();

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /**
   * By name, id, or a unique part of an id's start. Throws `NOT_FOUND`, `INVALID_ARGUMENT` for what
   * no image can be called, and `CORRUPT` when the image is damaged.
   */
  async get(nameOrId: string): Promise<Image> {
    const image = await this.find(nameOrId);
    if (image !== undefined) return image;
    throw notFound(nameOrId, await this.#names());
  }

  async find(nameOrId: string): Promise<Image | undefined> {
    const stored = await this.findStored(nameOrId);
    return stored && this.#image(stored);
  }

  /** Newest first. Images that are damaged or for other systems are left out. */
  async list(filters: ImageFilters = {}): Promise<readonly Image[]> {
    const images: Image[] = [];
    for (const stored of await this.listStored()) images.push(await this.#image(stored));
    const time = ({ created }: Image) => Date.parse(created ?? "") || 0;
    images.sort((one, other) => time(other) - time(one));
    return filterImages(images, filters, this);
  }

  /** The latest step first. */
  async history(nameOrId: string): Promise<readonly ImageHistoryEntry[]> {
    const stored = await this.findStored(nameOrId);
    if (stored === undefined) throw notFound(nameOrId, await this.#names());
    const named = (image: StoredImage) => ({ content: image.content, names: namesOf(image) });
    return historyOf(named(stored), {
      images: (await this.listStored()).map(named),
      size: (layer) => this.#layerSize(layer),
    });
  }

  /** All images of an archive made by `docker save`, `podman save`, or of an OCI image layout. */
  async load(source: ByteSource, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    return load(this.#store, source, options);
  }

  /** The tar of a root file system becomes an image. */
  async importRootfs(
    source: ByteSource,
    name?: string,
    options: ImportOptions = {},
  ): Promise<LoadedImage> {
    return importRootfs(this.#store, source, { ...options, name });
  }

  /** Images as an archive that `load` takes, or as an OCI layout directory. */
  async save(request: SaveRequest): Promise<readonly SavedImage[]> {
    const { save } = await import("./save.ts");
    return save(this.#store, this, request);
  }

  /** An image from a registry, by name. */
  async pull(name: string, options: PullRequest): Promise<PulledImage> {
    const { pullNamed } = await import("./pull.ts");
    return this.#pulled(await pullNamed(this.#store, name, options));
  }

  /** Those of all tags of a repository. */
  async pullAll(repository: string, options: PullRequest): Promise<readonly PulledImage[]> {
    const { pullAll } = await import("./pull.ts");
    const pulled = await pullAll(this.#store, repository, options);
    return Promise.all(pulled.map((one) => this.#pulled(one)));
  }

  /** An image to a registry, by name. */
  async push(request: PushRequest): Promise<PushedImage> {
    const { push } = await import("./push.ts");
    return push(this.#store, this, request);
  }

  /** All tags of a repository. */
  async pushAll(request: PushRequest): Promise<readonly PushedImage[]> {
    const { pushAll } = await import("./push.ts");
    return pushAll(this.#store, this, request);
  }

  /** What a container wrote becomes an image. */
  async commit(commit: NewCommit): Promise<CommittedImage> {
    const { commitImage } = await import("./commit.ts");
    return commitImage(this.#store, commit);
  }

  /** One more name for an image; whatever else had it, has it no longer. */
  async tag(nameOrId: string, name: string): Promise<void> {
    const reference = parseImageName(name);
    await using _held = await lock(this.#store.paths.lock("images"), { mode: "shared" });
    const stored = await this.findStored(nameOrId);
    const [entry] = stored?.entries ?? [];
    if (entry === undefined) throw notFound(nameOrId, await this.#names());
    await this.#store.references.set({ name: familiar(reference), descriptor: entry.descriptor });
  }

  /** A name goes, and with its last name the image; by id, the image with all names. */
  async remove(nameOrId: string, options: RemoveOptions = {}): Promise<RemovedImage> {
    return remove(this.#store, this, { nameOrId, ...options });
  }

  /** Those without a name, or all, that no container needs; and what nothing leads to. */
  async prune(options: PruneOptions = {}): Promise<PrunedImages> {
    return prune(this.#store, this, options);
  }

  /** How much room they take. */
  async usage(): Promise<ImagesUsage> {
    return imagesUsage(this.#store, this);
  }

  /** What a name or id leads to, by name first. */
  async findStored(nameOrId: string): Promise<StoredImage | undefined> {
    const id = idPrefix(nameOrId);
    if (id?.whole !== true) {
      const named = await this.#findNamed(nameOrId, id !== undefined);
      if (named !== undefined) return named;
    }
    return id && this.#findById(id.hex, nameOrId);
  }

  async listStored(): Promise<readonly StoredImage[]> {
    const byId = new Map<Digest, { content: ImageContent; entries: ImageEntry[] }>();
    for (const entry of await this.#store.references.list()) {
      const content = await this.#findContent(entry);
      if (content === undefined) continue;
      const before = byId.get(content.id);
      if (before === undefined) byId.set(content.id, { content, entries: [entry] });
      else before.entries.push(entry);
    }
    return [...byId.values()];
  }

  async #findNamed(text: string, mayBeId: boolean): Promise<StoredImage | undefined> {
    const name = nameOf(text, mayBeId);
    if (name === undefined) return undefined;
    const entries = await this.#store.references.list();
    const found = entries.find((entry) => matches(entry, name));
    if (found === undefined) return undefined;
    const same = entries.filter(({ descriptor }) => descriptor.digest === found.descriptor.digest);
    try {
      return { content: await this.#content(found), entries: same };
    } catch (error) {
      if (await this.#isGone(found)) return undefined;
      throw error;
    }
  }

  /** Removed by somebody else while we were about to read it. */
  async #isGone({ descriptor }: ImageEntry): Promise<boolean> {
    const entries = await this.#store.references.list();
    return !entries.some((entry) => entry.descriptor.digest === descriptor.digest);
  }

  async #findById(hex: string, asked: string): Promise<StoredImage | undefined> {
    const found = (await this.listStored()).filter(
      ({ content, entries }) =>
        content.id.startsWith(`sha256:${hex}`) ||
        entries.some(({ descriptor }) => descriptor.digest.startsWith(`sha256:${hex}`)),
    );
    if (found.length < 2) return found[0];
    const ids = found.map(({ content }) => content.id);
    throw new MarmitaError("INVALID_ARGUMENT", `${asked} is the start of ${ids.length} image ids`, {
      details: { ids },
    });
  }

  async #content({ descriptor }: ImageEntry): Promise<ImageContent> {
    const known = this.#contents.get(descriptor.digest);
    if (known !== undefined) return known;
    const content = await readImage(this.#store.blobs, descriptor);
    this.#contents.set(descriptor.digest, content);
    return content;
  }

  /** Other tools may keep things here that are no images of ours. */
  async #findContent(entry: ImageEntry): Promise<ImageContent | undefined> {
    try {
      return await this.#content(entry);
    } catch (error) {
      if (isMarmitaError(error)) return undefined;
      throw error;
    }
  }

  async #pulled({ reference, remoteDigest, isNew, content }: Pulled): Promise<PulledImage> {
    const entries = await this.#store.references.list();
    const own = entries.filter(({ descriptor }) => descriptor.digest === content.digest);
    const image = await this.#image({ content, entries: own });
    return { ...image, reference: canonical(reference), remoteDigest, isNew };
  }

  async #image({ content, entries }: StoredImage): Promise<Image> {
    const names = namesOf({ entries });
    return {
      ...content,
      names,
      repoDigests: repoDigestsOf(entries),
      size: await this.#size(content),
      created: content.config.created,
    };
  }

  /** Of a layer that is not unpacked, the blob's size is all there is to tell. */
  async #size({ id, layers }: ImageContent): Promise<number> {
    const known = this.#sizes.get(id);
    if (known !== undefined) return known;
    const found = await Promise.all(layers.map(({ chainId }) => this.#store.layers.find(chainId)));
    const sizes = layers.map(({ descriptor }, at) => found[at]?.size ?? descriptor.size);
    const size = sizes.reduce((sum, one) => sum + one, 0);
    if (found.every((layer) => layer !== undefined)) this.#sizes.set(id, size);
    return size;
  }

  async #layerSize({ chainId, descriptor }: ImageLayer): Promise<number> {
    return (await this.#store.layers.find(chainId))?.size ?? descriptor.size;
  }

  /** For guesses at what was meant. */
  async #names(): Promise<readonly string[]> {
    const entries = await this.#store.references.list();
    return entries.flatMap(({ name }) => (name === undefined ? [] : [name]));
  }
}
