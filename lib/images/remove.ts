/** Take names off images, and delete the images that have none left: `docker rmi`. */
import { isMarmitaError } from "../errors.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { familiar, parseReference } from "../oci/reference.ts";
import { lock } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { errnoOf } from "../util/system-error.ts";
import { checkRemoval, isNeeded, obstaclesOf } from "./conflicts.ts";
import { type Taken, collectGarbage, sweepGone, takeUnreferenced } from "./garbage.ts";
import type { ImageStore } from "./image-store.ts";
import { type StoredImage, nameOf, namesOf, notFound } from "./names.ts";
import { parentOf } from "./parent.ts";
import { partsInUse, reachable } from "./reachable.ts";
import { isOfRepository, recordedDigests } from "./repo-digests.ts";

export interface RemoveOptions {
  /**
   * By id, take off all names; and do it though containers use the image, which then stays
   * without a name until they are gone. Not while one of them runs and the image is asked for
   * by its id.
   */
  readonly force?: boolean;
  /** With the images without a name that it was made from and nobody else needs. Default: true. */
  readonly prune?: boolean;
  readonly signal?: AbortSignal;
}

export interface RemovedImage {
  /** Names, then what registries knew it by. */
  readonly untagged: readonly string[];
  /** The image's id, then its layers, then those of its parents; empty when the image stays. */
  readonly deleted: readonly Digest[];
}

/** What remove needs of the library. */
export interface Finder {
  findStored(nameOrId: string): Promise<StoredImage | undefined>;
  listStored(): Promise<readonly StoredImage[]>;
}

interface Removal extends RemoveOptions {
  readonly nameOrId: string;
}

/** What lies there that long, and nothing leads to, no other tool is about to need. */
const GRACE_MS = 60 * 60 * 1_000;

/** Throws `NOT_FOUND`, and `CONFLICT` for an image in use; then nothing has changed. */
export async function remove(
  store: ImageStore,
  finder: Finder,
  removal: Removal,
): Promise<RemovedImage> {
  const { signal } = removal;
  try {
    await lookAhead(store, finder);
    const removed = await removeLocked(store, finder, removal);
    // Not under the lock: many files take seconds.
    if (removed.deleted.length > 0) {
      await sweepGone(store);
      await collectGarbage(store, { graceMs: GRACE_MS, signal });
    }
    return removed;
  } catch (error) {
    throw storeError(error, "remove image");
  }
}

/** What is read now need not be read while others wait. */
export async function lookAhead(store: ImageStore, finder: Finder): Promise<void> {
  await finder.listStored();
  await partsInUse(store);
}

async function removeLocked(
  store: ImageStore,
  finder: Finder,
  removal: Removal,
): Promise<RemovedImage> {
  const { nameOrId, signal } = removal;
  // Exclusive: whoever is about to rely on blobs or layers holds it shared.
  await using _held = await lock(store.paths.lock("images"), {
    mode: "exclusive",
    fair: true,
    signal,
  });
  const all = await finder.listStored();
  const stored = await findWhole(finder, nameOrId, all);
  if (stored === undefined) return await removeDamaged(store, nameOrId);
  return await removeStored(store, { stored, all }, removal);
}

/** With the lines of all manifests that share the image's config. */
async function findWhole(
  finder: Finder,
  nameOrId: string,
  all: readonly StoredImage[],
): Promise<StoredImage | undefined> {
  const found = await finder.findStored(nameOrId).catch(ignoreDamage);
  return all.find(({ content }) => content.id === found?.content.id);
}

interface Among {
  readonly stored: StoredImage;
  readonly all: readonly StoredImage[];
}

async function removeStored(
  store: ImageStore,
  { stored, all }: Among,
  { nameOrId, force = false, prune = true }: Removal,
): Promise<RemovedImage> {
  const known = knownBy(stored);
  const meant = meantBy(nameOrId, stored);
  if (meant !== undefined && countOf(meant) < countOf(known)) return untag(store, stored, meant);
  const obstacles = await obstaclesOf(store, stored, all);
  const [name = nameOrId] = meant?.names ?? [];
  checkRemoval({ stored, obstacles, force, name: meant && name });
  if (isNeeded(obstacles)) return untag(store, stored, known);
  const doomed = [stored, ...(prune ? await parentsToo(store, { stored, all }) : [])];
  const { deleted } = await deleteImages(store, doomed);
  return { untagged: untagged(known), deleted: deleted.flat() };
}

/** The image stays. */
async function untag(
  { references }: ImageStore,
  { entries }: StoredImage,
  known: KnownBy,
): Promise<RemovedImage> {
  const { names, repoDigests } = known;
  const digests = new Set(entries.map(({ descriptor }) => descriptor.digest));
  const unlink = [...digests].map((digest) => ({ digest, repoDigests }));
  await references.edit({ untag: names, forget: [], unlink });
  return { untagged: untagged(known), deleted: [] };
}

/** Without names, children or users of their own; the closest first. */
async function parentsToo(store: ImageStore, { stored, all }: Among): Promise<StoredImage[]> {
  const doomed: StoredImage[] = [];
  let left = all.filter((one) => one !== stored);
  for (let last: StoredImage | undefined = stored; last !== undefined;) {
    const parent = parentIn(left, last);
    if (parent === undefined || namesOf(parent).length > 0) break;
    if (isNeeded(await obstaclesOf(store, parent, left))) break;
    doomed.push(parent);
    left = left.filter((one) => one !== parent);
    last = parent;
  }
  return doomed;
}

function parentIn(left: readonly StoredImage[], { content }: StoredImage): StoredImage | undefined {
  const parent = parentOf(
    content,
    left.map((one) => one.content),
  );
  return left.find((one) => one.content === parent);
}

export interface DeletedImages extends Taken {
  /** For each image its id, then its layers that are gone, top first. */
  readonly deleted: readonly (readonly Digest[])[];
}

/**
 * With all their names, which go in one step, as do `untagged`, names of other images. The caller
 * holds the lock exclusively, and deletes what is gone when it has let go of it.
 */
export async function deleteImages(
  store: ImageStore,
  images: readonly StoredImage[],
  untagged: readonly string[] = [],
): Promise<DeletedImages> {
  const entries = images.flatMap((image) => image.entries);
  const parts = await reachable(store.blobs, entries);
  const edit = {
    untag: untagged,
    forget: entries.map(({ descriptor }) => descriptor.digest),
  };
  const before = await change(store, images, () => store.references.edit(edit));
  const taken = await takeUnreferenced(store, parts);
  const gone = new Set([...before, ...taken.layers]);
  const deleted = images.map(({ content }) => {
    const layers = content.layers.map(({ chainId }) => chainId).filter((one) => gone.delete(one));
    return [content.id, ...layers.reverse()];
  });
  return { ...taken, deleted };
}

/**
 * Where there is no room to write that the images are gone, layers of theirs go before that, and are
 * returned: from the blobs they would be unpacked anew.
 */
async function change(
  store: ImageStore,
  images: readonly StoredImage[],
  write: () => Promise<void>,
): Promise<readonly ChainId[]> {
  try {
    await write();
    return [];
  } catch (error) {
    if (errnoOf(error) !== "ENOSPC" && errnoOf(error) !== "EDQUOT") throw error;
    const freed = await makeRoom(store, images);
    if (freed.length === 0) throw error;
    await write();
    return freed;
  }
}

async function makeRoom(
  store: ImageStore,
  images: readonly StoredImage[],
): Promise<readonly ChainId[]> {
  const digests = new Set(
    images.flatMap(({ entries }) => entries.map(({ descriptor }) => descriptor.digest)),
  );
  const entries = await store.references.list();
  const others = entries.filter(({ descriptor }) => !digests.has(descriptor.digest));
  const needed = (await reachable(store.blobs, others)).layers;
  const { byContainers } = await partsInUse(store);
  if (byContainers === undefined) return [];
  const layers = images.flatMap(({ content }) => content.layers.map(({ chainId }) => chainId));
  const free = new Set(layers.filter((layer) => !needed.has(layer) && !byContainers.has(layer)));
  const directories = await store.layers.list((chainId) => free.has(chainId));
  const gone = await store.layers.withdraw(directories.map(({ name }) => name));
  await store.layers.sweep();
  return directories.filter(({ name }) => gone.includes(name)).map(({ chainId }) => chainId);
}

/** A name whose image cannot be read: the name goes, and what it led to as far as it is known. */
async function removeDamaged(store: ImageStore, nameOrId: string): Promise<RemovedImage> {
  const entries = await store.references.list();
  const wanted = nameOf(nameOrId, true)?.name;
  const entry = entries.find(({ name, descriptor }) =>
    name === undefined ? descriptor.digest === nameOrId : name === wanted,
  );
  if (entry === undefined) throw notFound(nameOrId, namesOf({ entries }));
  const { digest } = entry.descriptor;
  const names = entries.filter(({ descriptor }) => descriptor.digest === digest);
  if (entry.name !== undefined && names.length > 1) {
    await store.references.remove(entry.name);
    return { untagged: [entry.name], deleted: [] };
  }
  const parts = await reachable(store.blobs, [entry]);
  await store.references.forget(digest);
  const { layers } = await takeUnreferenced(store, parts);
  return { untagged: entry.name === undefined ? [] : [entry.name], deleted: [digest, ...layers] };
}

/** What an image is known by, beside its id. */
interface KnownBy {
  readonly names: readonly string[];
  /** Of registries, in full. */
  readonly repoDigests: readonly string[];
}

export function knownBy(stored: StoredImage): KnownBy {
  return { names: namesOf(stored), repoDigests: recordedDigests(stored.entries) };
}

/** As people write it. */
export function untagged({ names, repoDigests }: KnownBy): readonly string[] {
  return [...names, ...repoDigests.map((text) => familiar(parseReference(text)))];
}

function countOf({ names, repoDigests }: KnownBy): number {
  return names.length + repoDigests.length;
}

/**
 * What is to be taken off: one name, with its last one of a repository also what that knows the
 * image by; of what is recorded, the digest asked for; by a digest that no registry confirmed, all
 * of its repository. `undefined` when the image is meant by its id, that is with all of its names.
 */
function meantBy(nameOrId: string, stored: StoredImage): KnownBy | undefined {
  const wanted = nameOf(nameOrId, true);
  if (wanted === undefined) return undefined;
  const { repository } = wanted;
  const known = knownBy(stored);
  const ofIt = (text: string) => isOfRepository(text, repository);
  const own = { names: known.names.filter(ofIt), repoDigests: known.repoDigests.filter(ofIt) };
  if (wanted.digest !== undefined) {
    const recorded = recordedAs(wanted.digest, own, stored);
    if (recorded.length > 0) return { names: [], repoDigests: recorded };
    return countOf(own) === 0 ? undefined : own;
  }
  if (wanted.name === undefined || !own.names.includes(wanted.name)) return undefined;
  const isLast = own.names.length === 1;
  return { names: [wanted.name], repoDigests: isLast ? own.repoDigests : [] };
}

/**
 * A pull by an index's digest records that of the manifest, too, which nobody asked for: where no
 * name keeps it, it goes with the last one.
 */
function recordedAs(
  digest: Digest,
  { names, repoDigests }: KnownBy,
  { entries }: StoredImage,
): readonly string[] {
  const isOf = (text: string, digests: readonly unknown[]) => {
    return digests.includes(parseReference(text).digest);
  };
  const meant = repoDigests.filter((text) => isOf(text, [digest]));
  if (meant.length === 0 || names.length > 0) return meant;
  const manifests = entries.map(({ descriptor }) => descriptor.digest);
  const left = repoDigests.filter((text) => !meant.includes(text));
  return left.every((text) => isOf(text, manifests)) ? [...meant, ...left] : meant;
}

function ignoreDamage(error: unknown): undefined {
  const isDamage = isMarmitaError(error, "CORRUPT") || isMarmitaError(error, "UNSUPPORTED");
  if (!isDamage) throw error;
}
