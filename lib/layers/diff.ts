/** What a container changed: its writable layers, compared with what lies below them. */
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, type UserNamespace, runVerb } from "../native/helper.ts";
import { storeError } from "../store/store-error.ts";
import { tooLong } from "./too-long.ts";

/** One line of `docker diff`. */
export interface Change {
  /** Added, changed or deleted. A directory in which something is, was or came to be is changed. */
  readonly kind: "A" | "C" | "D";
  /** Absolute. Bytes that are no UTF-8 read U+FFFD. */
  readonly path: string;
}

/** A directory that holds what a container wrote. */
export interface UpperDirectory {
  readonly directory: string;
  /** Where in the container it is: `/`, or a part of image `host`. */
  readonly at: string;
  /** The directories below it, the nearest first. */
  readonly lowers: readonly string[];
  /** Mount points that were made for the container, as paths in it; links may be on their way. */
  readonly skip: readonly string[];
  /** Directories that were gone before they were made here: nothing of those below shows in them. */
  readonly anew?: readonly string[];
}

export interface DiffLayersOptions {
  readonly uppers: readonly UpperDirectory[];
  /** Who wrote them. */
  readonly driver: "overlay" | "fuse-overlayfs";
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sorted by path. It takes as long as the layers are large, whatever lies below; a container that
 * writes meanwhile does no harm. Throws `UNSUPPORTED` for a path of 4,096 bytes or more.
 */
export async function diffLayers(
  namespace: UserNamespace,
  { uppers, driver, signal }: DiffLayersOptions,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  const onEvent = (event: HelperEvent) => {
    if (event.event === "changes") changes.push(...parseChanges(event["list"]));
  };
  const groups = [...uppers].sort((one, other) => compare(treeOrder(one.at), treeOrder(other.at)));
  const args = [driver === "overlay" ? "kernel" : "fuse", ...groups.flatMap(wordsOf)];
  try {
    await runVerb("diff", { args, namespace, signal, onEvent });
  } catch (error) {
    throw tooLong(error, "diff") ?? storeError(error, "diff");
  }
  return changes.sort((one, other) => compare(one.path, other.path));
}

/** What is in a directory comes right after it. */
function treeOrder(path: string): string {
  return path.replaceAll("/", "\0");
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** As native/init/diff.c reads them: paths in the container become those below `at`. */
function wordsOf({ directory, at, lowers, skip, anew = [] }: UpperDirectory): readonly string[] {
  const base = at === "/" ? "" : at;
  const inside = skip.filter((path) => path.startsWith(`${base}/`));
  return [
    at,
    directory,
    ...inside.flatMap((path) => ["--skip", path.slice(base.length)]),
    ...anew.flatMap((path) => ["--anew", path.slice(base.length)]),
    ...lowers.flatMap((lower) => ["--lower", lower]),
  ];
}

function parseChanges(list: unknown): readonly Change[] {
  if (!Array.isArray(list)) throw new MarmitaError("UNAVAILABLE", "marmita-init diff: no list");
  return list.map((text: unknown) => {
    const kind = typeof text === "string" ? text[0] : undefined;
    if (typeof text !== "string" || (kind !== "A" && kind !== "C" && kind !== "D")) {
      throw new MarmitaError("UNAVAILABLE", `marmita-init diff: ${String(text)}`);
    }
    return { kind, path: text.slice(1) };
  });
}
