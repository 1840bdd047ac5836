/** What people call an image: names, ids and the starts of ids. */
import { MarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import {
  familiar,
  familiarName,
  findReference,
  isReserved,
  parseReference,
} from "../oci/reference.ts";
import type { ImageEntry } from "../store/references.ts";
import { closest } from "../util/closest.ts";
import type { ImageContent } from "./image.ts";
import { repoDigestsOf } from "./repo-digests.ts";

/** An image and the lines of index.json that lead to it. */
export interface StoredImage {
  readonly content: ImageContent;
  readonly entries: readonly ImageEntry[];
}

/** None for one that lost them. */
export function namesOf({ entries }: Pick<StoredImage, "entries">): readonly string[] {
  return entries.flatMap(({ name }) => (name === undefined ? [] : [name]));
}

/** `known`: the names there are, for a guess at what was meant. */
export function notFound(nameOrId: string, known: readonly string[] = []): MarmitaError {
  const [, name] = /^([^@]*)/.exec(nameOrId) ?? [];
  if (name !== undefined && isReserved(name)) {
    return new MarmitaError("INVALID_ARGUMENT", `"${nameOrId}" is a reserved name, not an image`, {
      details: { image: nameOrId },
    });
  }
  const guesses = similarNames(nameOrId, known);
  return new MarmitaError("NOT_FOUND", `no such image: ${shownName(nameOrId)}`, {
    hint:
      guesses.length === 0
        ? "`marmita images` lists what is there; `pull`, `load` and `import` bring more."
        : `Did you mean ${guesses.join(" or ")}?`,
    details: { image: nameOrId },
  });
}

/** Those that differ in little: letters, the tag, or where they come from. No more than three. */
export function similarNames(asked: string, known: readonly string[]): readonly string[] {
  const wanted = findReference(asked);
  if (wanted === undefined || wanted.digest !== undefined) return [];
  const repository = familiarName(wanted);
  const last = repository.slice(repository.lastIndexOf("/") + 1);
  const near = (test: (name: string, last: string) => boolean) => {
    return known.filter((name) => {
      const other = findReference(name);
      if (other === undefined) return false;
      const path = familiarName(other);
      return test(path, path.slice(path.lastIndexOf("/") + 1));
    });
  };
  const others = near((path) => path === repository);
  if (others.length > 0) return others.slice(0, 3);
  const elsewhere = near((_, name) => name === last);
  return elsewhere.length > 0 ? elsewhere.slice(0, 3) : closest(familiar(wanted), known);
}

export interface WantedName {
  /** As it stands in an entry. */
  readonly name?: string;
  readonly digest?: Digest;
  /** Without tag and digest. */
  readonly repository: string;
}

/** `undefined` when the text is no name but may be an id; else throws `INVALID_ARGUMENT`. */
export function nameOf(text: string, mayBeId: boolean): WantedName | undefined {
  try {
    const reference = parseReference(text);
    const repository = familiarName(reference);
    const { digest } = reference;
    return digest === undefined
      ? { name: familiar(reference), repository }
      : { digest, repository };
  } catch (error) {
    if (mayBeId) return undefined;
    throw error;
  }
}

export function matches(entry: ImageEntry, wanted: WantedName): boolean {
  if (wanted.digest === undefined) return entry.name === wanted.name;
  return repoDigestsOf([entry]).includes(`${wanted.repository}@${wanted.digest}`);
}

/** What may be the start of an id, or is a whole one. */
export function idPrefix(text: string): { hex: string; whole: boolean } | undefined {
  const [, prefix, hex] = /^(sha256:)?([0-9a-f]{1,64})$/.exec(text) ?? [];
  if (hex === undefined) return undefined;
  return { hex, whole: prefix !== undefined || hex.length === 64 };
}

function shownName(nameOrId: string): string {
  if (idPrefix(nameOrId)?.whole === true) return nameOrId;
  const wanted = nameOf(nameOrId, true);
  return wanted?.name ?? nameOrId;
}
