/** A registry in memory that images are pushed to. */
import type { PushTarget, PushTargets } from "../../../lib/images/push.ts";
import { type Digest, digestOf } from "../../../lib/oci/digest.ts";

type Repository = Parameters<PushTargets["repository"]>[0];
type Access = Parameters<PushTargets["repository"]>[1];

export class FakeTargets implements PushTargets {
  /** Blobs by repository: `localhost:5000/lunch sha256:…`. */
  readonly blobs = new Map<string, Buffer>();
  /** By name and tag: `localhost:5000/lunch:latest`. */
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  /** What was asked for, in order: `HEAD sha256:…`, `MOUNT`, `PUT`, `MANIFEST`. */
  readonly asked: string[] = [];
  readonly accesses: Access[] = [];
  /** How many uploads there were at the same time, at most. */
  most = 0;
  /** Called at the start of each upload. */
  onUpload: (digest: Digest, signal: AbortSignal | undefined) => Promise<void> = async () => {};
  #uploading = 0;

  repository({ domain, path }: Repository, access: Access): PushTarget {
    this.accesses.push(access);
    const key = (digest: Digest, from = path) => `${domain}/${from} ${digest}`;
    return {
      hasBlob: async (digest) => {
        this.asked.push(`HEAD ${digest}`);
        const found = this.blobs.get(key(digest));
        return found && { size: found.length };
      },
      mountBlob: async (digest, from) => {
        this.asked.push(`MOUNT ${digest} ${from}`);
        const found = this.blobs.get(key(digest, from));
        if (found !== undefined) this.blobs.set(key(digest), found);
        return found !== undefined;
      },
      uploadBlob: async ({ digest, size }, open, { signal, onProgress }) => {
        this.asked.push(`PUT ${digest}`);
        this.#uploading++;
        this.most = Math.max(this.most, this.#uploading);
        try {
          await this.onUpload(digest, signal);
          const bytes = Buffer.concat(await open(0).toArray());
          if (digestOf(bytes) !== digest || bytes.length !== size) throw new Error("wrong bytes");
          onProgress?.(size);
          this.blobs.set(key(digest), bytes);
        } finally {
          this.#uploading--;
        }
      },
      putManifest: async (reference, bytes, { mediaType }) => {
        this.asked.push(`MANIFEST ${reference}`);
        const content = Buffer.from(bytes);
        this.manifests.set(`${domain}/${path}:${reference}`, { bytes: content, mediaType });
        return digestOf(content);
      },
    };
  }

  /** The names of blobs in a repository. */
  blobsIn(repository: string): readonly string[] {
    const names = [...this.blobs.keys()].map((key) => key.split(" "));
    return names.flatMap(([name, digest = ""]) => (name === repository ? [digest] : [])).toSorted();
  }
}
