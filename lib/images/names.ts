/** What people call an image: names, ids and the starts of ids. */
import { MarmitaError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { familiar, familiarName, isReserved, parseReference } from "../oci/reference.ts";
import type { ImageEntry } from "../store/references.ts";
import type { ImageContent } from "./image.ts";

/** An image and the lines of index.json that lead to it. */
export interface StoredImage {
  readonly content: ImageContent;
  readonly entries: readonly ImageEntry[];
}

/** None for one that lost them. */
export function namesOf({ entries }: Pick<StoredImage, "entries">): readonly string[] {
  return entries.flatMap(({ name }) => (name === undefined ? [] : [name]));
}

export function notFound(nameOrId: string): MarmitaError {
  const [, name] = /^([^@]*)/.exec(nameOrId) ?? [];
  if (name !== undefined && isReserved(name)) {
    return new MarmitaError("INVALID_ARGUMENT", `"${nameOrId}" is a reserved name, not an image`, {
      details: { image: nameOrId },
    });
  }
  return new MarmitaError("NOT_FOUND", `no such image: ${shownName(nameOrId)}`, {
    hint: "`marmita images` lists what is there; `load` and `import` bring more.",
    details: { image: nameOrId },
  });
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

export function matches({ name, descriptor }: ImageEntry, wanted: WantedName): boolean {
  if (wanted.digest === undefined) return name === wanted.name;
  if (descriptor.digest !== wanted.digest || name === undefined) return false;
  return familiarName(parseReference(name)) === wanted.repository;
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
