/** What refers to an image: signatures, attestations (distribution-spec, "Listing Referrers"). */
import { isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { parseIndex } from "../oci/manifest.ts";
import { INDEX } from "../oci/media-types.ts";
import { parseJson } from "../util/json.ts";
import { type Asker, placeOf } from "./asker.ts";
import { type RequestOptions, getManifest } from "./manifests.ts";
import { pagesOf } from "./pages.ts";

export interface ReferrersOptions extends RequestOptions {
  /** Only those of this type. */
  readonly artifactType?: string | undefined;
}

/** How registries say that they do not know the question; some answer with a web page. */
const UNKNOWN = [400, 404, 405, 406, 501];

/** None is an empty list. A registry that knows no referrers may have them under a tag. */
export async function referrersOf(
  asker: Asker,
  digest: Digest,
  { artifactType, signal }: ReferrersOptions = {},
): Promise<readonly Descriptor[]> {
  const doing = `list the referrers of ${placeOf(asker, digest)}`;
  const type =
    artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  const found: Descriptor[] = [];
  let isKnown = false;
  for await (const { json } of pagesOf(asker, {
    doing,
    reference: digest,
    path: `referrers/${digest}${type}`,
    headers: { accept: INDEX },
    accept: [200, ...UNKNOWN],
    mediaType: INDEX,
    signal,
  })) {
    isKnown = true;
    found.push(...parseIndex(json, doing).manifests);
  }
  const all = isKnown ? found : await tagged(asker, digest, signal);
  // A registry need not know how to leave any out.
  return all.filter((one) => artifactType === undefined || one.artifactType === artifactType);
}

/** An index under `sha256-<hex>` (distribution-spec, "Referrers Tag Schema"). */
async function tagged(
  asker: Asker,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  try {
    const { bytes } = await getManifest(asker, `sha256-${hexOf(digest)}`, { signal });
    const what = `referrers of ${placeOf(asker, digest)}`;
    return parseIndex(parseJson(bytes, what), what).manifests;
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return [];
    throw error;
  }
}
