/** What a push is asked for: one name, or all tags of a repository. */
import { MarmitaError } from "../errors.ts";
import {
  type Reference,
  familiar,
  familiarName,
  hasTag,
  isReserved,
  parseReference,
} from "../oci/reference.ts";
import type { ImageStore } from "./image-store.ts";
import { idPrefix, notFound } from "./names.ts";
import type { ImageFinder } from "./pick.ts";

export type TaggedReference = Reference & { readonly tag: string };

/** Throws `NOT_FOUND`, and `INVALID_ARGUMENT` for what is no name with a tag. */
export async function findPushed(
  store: ImageStore,
  finder: ImageFinder,
  text: string,
): Promise<TaggedReference> {
  const id = idPrefix(text);
  if (id?.whole === true) throw isId(text);
  const reference = parsePushed(text);
  const { tag } = reference;
  const names = await namesIn(store);
  if (names.includes(familiar(reference)) && tag !== undefined) return { ...reference, tag };
  if (id !== undefined && (await finder.findStored(text)) !== undefined) throw isId(text);
  throw notFound(text, names);
}

/** Those of the store, in their order. Throws `NOT_FOUND` when there is none. */
export async function taggedReferences(
  store: ImageStore,
  text: string,
): Promise<readonly TaggedReference[]> {
  if (idPrefix(text)?.whole === true) throw isId(text);
  const repository = parsePushed(text);
  if (hasTag(text)) {
    throw new MarmitaError("INVALID_ARGUMENT", `all tags of a repository, not ${text}`, {
      hint: `Leave the tag out: ${familiarName(repository)}`,
      details: { name: text },
    });
  }
  const names = await namesIn(store);
  const found = names.flatMap((name) => {
    const { tag, ...reference } = parseReference(name);
    const isOfIt = reference.domain === repository.domain && reference.path === repository.path;
    return isOfIt && tag !== undefined ? [{ ...reference, tag }] : [];
  });
  if (found.length > 0) return found;
  throw new MarmitaError(
    "NOT_FOUND",
    `an image does not exist locally with the tag: ${familiarName(repository)}`,
    { details: { image: text } },
  );
}

function parsePushed(text: string): Reference {
  const reference = parseReference(text);
  if (isReserved(reference)) throw notFound(text);
  if (reference.digest === undefined) return reference;
  throw new MarmitaError("INVALID_ARGUMENT", "cannot push a digest reference", {
    hint: "Name the image with a tag; its digest in the registry follows from its content.",
    details: { name: text },
  });
}

function isId(text: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `${text} is an image id: images are pushed by name`, {
    hint: `Give it a name with the registry in front: marmita tag ${text.slice(0, 19)} NAME`,
    details: { image: text },
  });
}

async function namesIn({ references }: ImageStore): Promise<readonly string[]> {
  return (await references.list()).flatMap(({ name }) => (name === undefined ? [] : [name]));
}
