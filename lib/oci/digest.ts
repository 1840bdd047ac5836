/** Content digests: `sha256:…` parsed and computed; the chain ids made of them. */
import { createHash } from "node:crypto";

import { MarmitaError } from "../errors.ts";

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

/** Names a layer together with all that lie below it (image-spec, config.md, "Layer ChainID"). */
export type ChainId = Digest;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const OTHER_ALGORITHM = /^(sha512|blake3):[0-9a-f]+$/;

export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && DIGEST.test(value);
}

/** Throws `UNSUPPORTED` for another algorithm and `CORRUPT` for what is no digest at all. */
export function parseDigest(value: unknown, what = "digest"): Digest {
  if (isDigest(value)) return value;
  const other = OTHER_ALGORITHM.exec(String(value));
  if (other) {
    throw new MarmitaError(
      "UNSUPPORTED",
      `${what}: only sha256 digests are known, not ${other[1]}`,
    );
  }
  throw new MarmitaError("CORRUPT", `${what}: not a digest: ${JSON.stringify(value)}`);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** All that a text mentions. */
export function digestsIn(text: string): readonly Digest[] {
  return Array.from(text.matchAll(/sha256:([0-9a-f]{64})(?![0-9a-f])/g), ([, hex]): Digest => {
    return `sha256:${hex}`;
  });
}

/** The hexadecimal part, which is a safe file name. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The chain id of each layer, bottom first: each one depends on all before it. */
export function chainIds(diffIds: readonly Digest[]): readonly ChainId[] {
  const chain: ChainId[] = [];
  let parent: ChainId | undefined;
  for (const diffId of diffIds) {
    parent = parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);
    chain.push(parent);
  }
  return chain;
}
