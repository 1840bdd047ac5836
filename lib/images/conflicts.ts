/** What keeps an image from being removed, and when: Docker's rules, and nearly its words. */
import { MarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { familiarName, parseReference } from "../oci/reference.ts";
import type { ImageStore, ImageUser } from "./image-store.ts";
import { type StoredImage, namesOf } from "./names.ts";
import { childrenOf } from "./parent.ts";

export interface Obstacles {
  /** Containers made of it, or that have it mounted. */
  readonly users: readonly (ImageUser & { readonly isRunning: boolean })[];
  /** Images made from it. */
  readonly children: readonly Digest[];
}

/** `all`: the images that count as children. */
export async function obstaclesOf(
  { users }: ImageStore,
  { content }: StoredImage,
  all: readonly StoredImage[],
): Promise<Obstacles> {
  const using = ((await users?.list()) ?? []).filter(({ images }) => images.includes(content.id));
  const found = using.map(async (user) => {
    return { ...user, isRunning: (await users?.isRunning(user.id)) === true };
  });
  const contents = all.map((one) => one.content);
  return {
    users: await Promise.all(found),
    children: childrenOf(content, contents).map(({ id }) => id),
  };
}

/** Then it can lose its names only. */
export function isNeeded({ users, children }: Obstacles): boolean {
  return users.length > 0 || children.length > 0;
}

export interface Asked {
  readonly stored: StoredImage;
  readonly obstacles: Obstacles;
  readonly force: boolean;
  /** The last name it has, where that was asked for; else the image itself was. */
  readonly name: string | undefined;
}

/** Throws `CONFLICT`. */
export function checkRemoval({ stored, obstacles, force, name }: Asked): void {
  const { users, children } = obstacles;
  const user = users.find(({ isRunning }) => isRunning) ?? users[0];
  const details = { image: stored.content.id, containers: users.map(({ id }) => id) };
  const refuse = (message: string, hint: string, more = {}): never => {
    throw new MarmitaError("CONFLICT", `conflict: ${message}`, {
      hint,
      details: { ...details, ...more },
    });
  };
  const id = shortId(stored.content.id);
  if (name !== undefined) {
    if (user === undefined || force) return;
    refuse(
      `unable to remove repository reference "${name}" (must force) - ` +
        `${stateOf(user)} container ${user.name} is using its referenced image ${id}`,
      "Remove the container first, or force it: then the image loses its name only.",
    );
  }
  if (children.length > 0) {
    refuse(
      `unable to delete ${id} (cannot be forced) - image has dependent child images`,
      `Remove these first: ${children.map(shortId).join(", ")}`,
      { children },
    );
  }
  if (user?.isRunning === true) {
    refuse(
      `unable to delete ${id} (cannot be forced) - image is being used by running container ${user.name}`,
      "Remove the container first.",
    );
  }
  if (force) return;
  if (repositories(stored).size > 1) {
    refuse(
      `unable to delete ${id} (must be forced) - image is referenced in multiple repositories`,
      "Remove it by one of its names, or by force: rmi -f, or the option force.",
      { names: namesOf(stored) },
    );
  }
  if (user !== undefined) {
    refuse(
      `unable to delete ${id} (must be forced) - image is being used by stopped container ${user.name}`,
      "Remove the container first, or force it: then the image loses its names only.",
    );
  }
}

function repositories(stored: StoredImage): ReadonlySet<string> {
  return new Set(namesOf(stored).map((name) => familiarName(parseReference(name))));
}

function stateOf({ isRunning }: { readonly isRunning: boolean }): string {
  return isRunning ? "running" : "stopped";
}

function shortId(id: string): string {
  return id.slice("sha256:".length, "sha256:".length + 12);
}
