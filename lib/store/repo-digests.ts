/** What registries know an image by, as it is remembered in index.json. */
import { canonical, findReference } from "../oci/reference.ts";

/** The annotation of a line: `docker.io/library/busybox@sha256:…`, several with commas between. */
export const REPO_DIGESTS = "io.marmita.repo-digests";

/** An index is signed anew, an image pushed here and there: of each image the latest are kept. */
const MOST = 64;

/** In full; what makes no sense is passed over. */
export function parseRepoDigests(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  return uniteRepoDigests(text.split(","));
}

/** Each once; of too many the first, which are the latest. Those without a digest are none. */
export function uniteRepoDigests(
  ...lists: readonly (readonly string[] | undefined)[]
): readonly string[] {
  const known = new Set<string>();
  for (const text of lists.flatMap((list) => list ?? [])) {
    const reference = findReference(text);
    if (reference?.digest === undefined) continue;
    const { domain, path, digest } = reference;
    known.add(canonical({ domain, path, digest }));
  }
  return [...known].slice(0, MOST);
}
