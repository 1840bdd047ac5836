/** What a container wrote, moved below it or copied for another one; as root of the namespace. */
import { type UserNamespace, runVerb } from "../native/helper.ts";
import { storeError } from "../store/store-error.ts";

export interface FreezeOptions {
  /** The writable layer: an empty one takes its place. */
  readonly upper: string;
  /** Beside it, for that one while it is made. */
  readonly next: string;
  /** Where what was written goes to. */
  readonly frozen: string;
  /** Each step is on the disk before the next. */
  readonly durable: boolean;
  /** A descriptor whose lock keeps others away, until the helper has ended too. */
  readonly held: number;
}

/** Nothing is copied. Whoever was interrupted comes to the end with the same options again. */
export async function freezeUpper(
  namespace: UserNamespace,
  { upper, next, frozen, durable, held }: FreezeOptions,
): Promise<void> {
  const args = [...(durable ? ["--sync"] : []), upper, next, frozen];
  try {
    await runVerb("freeze", { args, namespace, held });
  } catch (error) {
    throw storeError(error, "freeze");
  }
}

export interface TreeCopy {
  /** `layer`: what an overlay wrote, with what stands in it for what is gone. */
  readonly kind: "layer" | "tree";
  readonly from: string;
  /** An empty directory, or none yet; after a failure it holds a part, and so does `<to>.links`. */
  readonly to: string;
}

export interface DuplicateOptions {
  /** In the end they are on the disk. */
  readonly durable: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Owners, modes, times, attributes, hard links and holes are kept; blocks are shared where possible. */
export async function duplicateTrees(
  namespace: UserNamespace,
  copies: readonly TreeCopy[],
  { durable, signal }: DuplicateOptions,
): Promise<void> {
  if (copies.length === 0) return;
  const words = copies.flatMap(({ kind, from, to }) => [kind, from, to]);
  const args = [...(durable ? ["--sync"] : []), ...words];
  try {
    await runVerb("duplicate", { args, namespace, signal });
  } catch (error) {
    throw storeError(error, "duplicate");
  }
}
