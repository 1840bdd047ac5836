/** What registries know an image by: `busybox@sha256:…`. */
import type { Digest } from "../oci/digest.ts";
import { canonical, familiar, familiarName, parseReference } from "../oci/reference.ts";
import type { ImageEntry } from "../store/references.ts";

type Entry = Pick<ImageEntry, "name" | "descriptor" | "repoDigests">;

/** In full, as it is kept: of the repository of a name. */
export function repoDigest(
  { domain, path }: { readonly domain: string; readonly path: string },
  digest: Digest,
): string {
  return canonical({ domain, path, digest });
}

/** Those that a registry confirmed, in full, each once. */
export function recordedDigests(entries: readonly Entry[]): readonly string[] {
  return [...new Set(entries.flatMap(({ repoDigests }) => repoDigests ?? []))];
}

/**
 * Those, and what each of its repositories would know the image by: as people write them, those that
 * are confirmed first.
 */
export function repoDigestsOf(entries: readonly Entry[]): readonly string[] {
  const implied = entries.flatMap(({ name, descriptor }) => {
    return name === undefined ? [] : [repoDigest(parseReference(name), descriptor.digest)];
  });
  const all = new Set([...recordedDigests(entries), ...implied]);
  return [...all].map((text) => familiar(parseReference(text)));
}

/** Whether it is of that repository, a familiar name. */
export function isOfRepository(text: string, repository: string): boolean {
  return familiarName(parseReference(text)) === repository;
}
