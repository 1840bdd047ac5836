/** Take names off images, and delete the images that have none left: `docker rmi`. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { familiarName, parseReference } from "../oci/reference.ts";
import { lock } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { deleteUnreferenced, reachable } from "./garbage.ts";
import type { ImageStore } from "./image-store.ts";
import { type StoredImage, nameOf, notFound } from "./names.ts";

/** A container made of the image. */
export interface ImageUser {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
}

export interface RemoveOptions {
  /**
   * By id, take off all names; and do it though containers use the image, which then stays
   * without a name until they are gone. Not while one of them runs and the image is asked for
   * by its id.
   */
  readonly force?: boolean;
  /** The containers made of an image. Default: there are none. */
  readonly usedBy?: (id: Digest) => Promise<readonly ImageUser[]>;
  readonly signal?: AbortSignal;
}

export interface RemovedImage {
  readonly untagged: readonly string[];
  /** The image's id, then its layers; empty when the image stays. */
  readonly deleted: readonly Digest[];
}

/** What remove needs of the library. */
interface Finder {
  findStored(nameOrId: string): Promise<StoredImage | undefined>;
  listStored(): Promise<readonly StoredImage[]>;
}

interface Removal extends RemoveOptions {
  readonly nameOrId: string;
}

/** Throws `NOT_FOUND`, and `CONFLICT` for an image in use; then nothing has changed. */
export async function remove(
  store: ImageStore,
  finder: Finder,
  removal: Removal,
): Promise<RemovedImage> {
  try {
    const removed = await removeLocked(store, finder, removal);
    // Not under the lock: many files take seconds.
    if (removed.deleted.length > 0) await store.layers.sweep();
    return removed;
  } catch (error) {
    throw storeError(error, "remove image");
  }
}

async function removeLocked(
  store: ImageStore,
  finder: Finder,
  removal: Removal,
): Promise<RemovedImage> {
  const { nameOrId, signal } = removal;
  // Exclusive: whoever is about to rely on blobs or layers holds it shared.
  await using _held = await lock(store.paths.lock("images"), { mode: "exclusive", signal });
  const stored = await findWhole(finder, nameOrId);
  if (stored === undefined) return await removeDamaged(store, nameOrId);
  return await removeStored(store, stored, removal);
}

/** With the lines of all manifests that share the image's config. */
async function findWhole(finder: Finder, nameOrId: string): Promise<StoredImage | undefined> {
  const found = await finder.findStored(nameOrId).catch(ignoreDamage);
  const all = await finder.listStored();
  return all.find(({ content }) => content.id === found?.content.id);
}

async function removeStored(
  store: ImageStore,
  stored: StoredImage,
  removal: Removal,
): Promise<RemovedImage> {
  const { nameOrId, force = false, usedBy = async () => [] } = removal;
  const names = stored.entries.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const name = names.find((candidate) => candidate === nameIn(nameOrId));
  if (name !== undefined && names.length > 1) {
    await store.references.remove(name);
    return { untagged: [name], deleted: [] };
  }
  const { id } = stored.content;
  if (name === undefined && !force) checkOneRepository(id, names);
  const users = await usedBy(id);
  checkUsers(name ?? id, users, { force, byId: name === undefined });
  if (users.length > 0) {
    for (const taken of names) await store.references.remove(taken);
    return { untagged: names, deleted: [] };
  }
  const parts = await reachable(store.blobs, stored.entries);
  for (const { descriptor } of stored.entries) await store.references.forget(descriptor.digest);
  const layers = await deleteUnreferenced(store, parts);
  return { untagged: names, deleted: [id, ...layers] };
}

function checkOneRepository(id: Digest, names: readonly string[]): void {
  const repositories = new Set(names.map((name) => familiarName(parseReference(name))));
  if (repositories.size < 2) return;
  const message = `image ${shortId(id)} has names in several repositories: ${names.join(", ")}`;
  throw new MarmitaError("CONFLICT", message, {
    hint: "Remove it by one of its names, or by force: rmi -f, or the option force.",
    details: { id, names },
  });
}

function checkUsers(
  image: string,
  users: readonly ImageUser[],
  how: { readonly force: boolean; readonly byId: boolean },
): void {
  const user = users.find(({ running }) => running) ?? users[0];
  if (user === undefined) return;
  if (how.force && !(user.running && how.byId)) return;
  const what = user.running ? "running" : "stopped";
  const shown = image.startsWith("sha256:") ? shortId(image) : image;
  const message = `image ${shown} is used by the ${what} container ${user.name}`;
  throw new MarmitaError("CONFLICT", message, {
    hint: `Remove the container first${user.running && how.byId ? "" : ", or use force"}.`,
    details: { image, containers: users.map(({ id }) => id) },
  });
}

/** A name whose image cannot be read: the name goes, and what it led to as far as it is known. */
async function removeDamaged(store: ImageStore, nameOrId: string): Promise<RemovedImage> {
  const entries = await store.references.list();
  const wanted = nameIn(nameOrId);
  const entry = entries.find(({ name, descriptor }) =>
    name === undefined ? descriptor.digest === nameOrId : name === wanted,
  );
  if (entry === undefined) throw notFound(nameOrId);
  const { digest } = entry.descriptor;
  const names = entries.filter(({ descriptor }) => descriptor.digest === digest);
  if (entry.name !== undefined && names.length > 1) {
    await store.references.remove(entry.name);
    return { untagged: [entry.name], deleted: [] };
  }
  const parts = await reachable(store.blobs, [entry]);
  await store.references.forget(digest);
  const layers: readonly ChainId[] = await deleteUnreferenced(store, parts);
  return { untagged: entry.name === undefined ? [] : [entry.name], deleted: [digest, ...layers] };
}

function nameIn(nameOrId: string): string | undefined {
  return nameOf(nameOrId, true)?.name;
}

function ignoreDamage(error: unknown): undefined {
  const isDamage = isMarmitaError(error, "CORRUPT") || isMarmitaError(error, "UNSUPPORTED");
  if (!isDamage) throw error;
}

function shortId(id: string): string {
  return id.slice("sha256:".length, "sha256:".length + 12);
}
