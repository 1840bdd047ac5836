/** One repository of a registry: its manifests, blobs, tags and referrers. It knows no store. */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Answer, Asker } from "./asker.ts";
import { type OpenedBlob, getBlob, hasBlob, mountBlob, openBlob } from "./blobs.ts";
import {
  type FetchedManifest,
  type RequestOptions,
  getManifest,
  headManifest,
  putManifest,
} from "./manifests.ts";
import { type ReferrersOptions, referrersOf } from "./referrers.ts";
import { tagsOf } from "./tags.ts";
import { type OpenBytes, Upload, type UploadOptions } from "./uploads.ts";

export type { OpenedBlob } from "./blobs.ts";
export type { FetchedManifest, RequestOptions } from "./manifests.ts";
export type { ReferrersOptions } from "./referrers.ts";
export type { OpenBytes, UploadOptions } from "./uploads.ts";

/**
 * Use `Registries.repository()`. References are tags or digests. What goes wrong is told by
 * MarmitaErrors with `details: { registry, repository, reference?, status?, code? }`, or an
 * `AbortError`. Breaks in small answers are mended here; those in the body of a blob are the
 * caller's, who knows what has arrived.
 */
export class RegistryClient {
  readonly #asker: Asker;
  /** What mounts that failed have begun, by digest. */
  readonly #begun = new Map<Digest, Answer>();

  /** The last answers, by digest. */
  readonly #opened = new Map<Digest, Answer>();

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** Which one it is, for the `details` of errors. */
  get where(): Readonly<Record<string, string>> {
    const { registry, repository } = this.#asker;
    return { registry, ...(repository !== undefined && { repository }) };
  }

  /** Without its content; `undefined` where there is none. GET where HEAD says too little. */
  async headManifest(
    reference: string,
    options: RequestOptions = {},
  ): Promise<Descriptor | undefined> {
    return headManifest(this.#asker, reference, options);
  }

  /** At most 4 MiB, of the digest and the type it is said to have. Throws `NOT_FOUND`. */
  async getManifest(reference: string, options: RequestOptions = {}): Promise<FetchedManifest> {
    return getManifest(this.#asker, reference, options);
  }

  /** A small one, verified. Throws `CORRUPT` for one that says it is larger than `limitBytes`. */
  async getBlob(
    descriptor: Descriptor,
    limitBytes: number,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    return getBlob(this.#asker, { descriptor, limitBytes, ...options });
  }

  /**
   * Its bytes from `offset` on, not verified; from 0 where the server knows no ranges, which the
   * result says. Throws `CORRUPT` for another range or size than asked for. The caller reads
   * or destroys the body.
   */
  async openBlob(
    descriptor: Descriptor,
    options: RequestOptions & { readonly offset?: number } = {},
  ): Promise<OpenedBlob> {
    const { digest } = descriptor;
    const before = this.#opened.get(digest);
    // Who comes back for it was not content: where that was a mirror, somebody else is asked.
    if (before !== undefined) {
      this.#asker.passOver(before, new Error(`blob ${digest} was not whole`));
    }
    const { answer, ...opened } = await openBlob(this.#asker, { descriptor, ...options });
    this.#opened.set(digest, answer);
    return opened;
  }

  /** `undefined` where there is none. */
  async hasBlob(
    digest: Digest,
    options: RequestOptions = {},
  ): Promise<{ readonly size: number } | undefined> {
    return hasBlob(this.#asker, digest, options);
  }

  /** From the repository `from` of the same registry; false where it has to be uploaded. */
  async mountBlob(digest: Digest, from: string, options: RequestOptions = {}): Promise<boolean> {
    const { isMounted, upload } = await mountBlob(this.#asker, { digest, from, ...options });
    if (upload === undefined) this.#begun.delete(digest);
    else this.#begun.set(digest, upload);
    return isMounted;
  }

  /**
   * Taken up again after breaks, unless five in a row bring it no further. `open` is called for
   * each attempt with the offset from which on the bytes are wanted.
   */
  async uploadBlob(
    descriptor: Descriptor,
    open: OpenBytes,
    options: UploadOptions = {},
  ): Promise<void> {
    const upload = new Upload(this.#asker, { blob: descriptor, open }, options);
    const begun = this.#begun.get(descriptor.digest);
    this.#begun.delete(descriptor.digest);
    if (begun !== undefined) upload.startFrom(begun);
    await upload.run();
  }

  /** Under a tag or its own digest. */
  async putManifest(
    reference: string,
    bytes: Uint8Array,
    options: RequestOptions & { readonly mediaType: string },
  ): Promise<Digest> {
    return putManifest(this.#asker, reference, { bytes, ...options });
  }

  /** In the registry's order; throws `NOT_FOUND` where there is no such repository. */
  tags(options: RequestOptions = {}): AsyncIterable<string> {
    return tagsOf(this.#asker, options);
  }

  /** What refers to a manifest; none is an empty list. */
  async referrers(digest: Digest, options: ReferrersOptions = {}): Promise<readonly Descriptor[]> {
    return referrersOf(this.#asker, digest, options);
  }
}
