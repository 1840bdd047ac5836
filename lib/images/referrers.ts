/** What refers to an image in its registry: signatures, attestations, bills of materials. */
import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { canonical, parseReference } from "../oci/reference.ts";
import type { Credentials } from "../registry/credentials.ts";

export interface ReferrersOptions {
  /** Only those of this type: `application/vnd.dev.cosign.artifact.sig.v1+json`. */
  readonly artifactType?: string | undefined;
  /** In place of what is found in the files that `login` writes. */
  readonly auth?: Credentials | undefined;
  /** False: certificates are not checked, and plain HTTP will do. */
  readonly tlsVerify?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What this needs of all registries. */
export interface ReferrerSources {
  repository(
    name: { readonly domain: string; readonly path: string },
    access: {
      readonly mode: "pull";
      readonly auth?: Credentials | undefined;
      readonly tlsVerify?: boolean | undefined;
    },
  ): {
    headManifest(
      reference: string,
      options: { readonly signal?: AbortSignal | undefined },
    ): Promise<Descriptor | undefined>;
    referrers(
      digest: Digest,
      options: {
        readonly artifactType?: string | undefined;
        readonly signal?: AbortSignal | undefined;
      },
    ): Promise<readonly Descriptor[]>;
  };
}

/**
 * Of what the name stands for in the registry, whether or not it is here: `name:tag` as it is now,
 * or `name@digest`. Throws `NOT_FOUND` for a tag that is not there.
 */
export async function referrers(
  sources: ReferrerSources,
  name: string,
  options: ReferrersOptions = {},
): Promise<readonly Descriptor[]> {
  const { artifactType, signal, ...access } = options;
  const reference = parseReference(name);
  const repository = sources.repository(reference, { ...access, mode: "pull" });
  const { tag = "latest" } = reference;
  const digest = reference.digest ?? (await repository.headManifest(tag, { signal }))?.digest;
  if (digest !== undefined) return repository.referrers(digest, { artifactType, signal });
  throw new MarmitaError("NOT_FOUND", `no such image: ${canonical(reference)}`, {
    details: { registry: reference.domain, repository: reference.path, reference: tag },
  });
}
