/** Blobs of a repository: looked for, read, mounted from another one. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { Readable } from "node:stream";
import { again } from "./again.ts";
import {
  type Answer,
  type Ask,
  type Asker,
  askAndUse,
  headerOf,
  lengthOf,
  nonsense,
  placeOf,
} from "./asker.ts";
import type { RequestOptions } from "./manifests.ts";

/** Bytes as they are: a proxy that packs them would change what their digest is of. */
const PLAIN = { "accept-encoding": "identity" };

/** All of a small one, verified. Throws `NOT_FOUND`, and `CORRUPT` for other bytes or too many. */
export async function getBlob(
  asker: Asker,
  {
    descriptor,
    limitBytes,
    ...options
  }: RequestOptions & { descriptor: Descriptor; limitBytes: number },
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > limitBytes) {
    throw nonsense(asker, `blob ${digest} has ${size} bytes, more than ${limitBytes}`, {
      reference: digest,
    });
  }
  const request = requestOf(asker, { descriptor, offset: 0, ...options });
  return again(
    asker,
    async () => {
      return askAndUse(asker, request, async (answer) => {
        check(asker, { answer, descriptor, offset: 0 });
        return verified(asker, digest, await answer.read(size));
      });
    },
    options,
  );
}

function verified(asker: Asker, digest: Digest, bytes: Uint8Array): Uint8Array {
  const actual = digestOf(bytes);
  if (actual === digest) return bytes;
  throw nonsense(asker, `blob ${digest} of ${placeOf(asker)} arrived as ${actual}`, {
    reference: digest,
    expected: digest,
    actual,
  });
}

export interface OpenedBlob {
  /** Of the first byte. */
  readonly offset: number;
  /** Not verified. The caller reads or destroys it. */
  readonly body: Readable;
}

/** From `offset` on, or from the start where the server does not know ranges. */
export async function openBlob(
  asker: Asker,
  {
    descriptor,
    offset = 0,
    ...options
  }: RequestOptions & { descriptor: Descriptor; offset?: number },
): Promise<OpenedBlob & { readonly answer: Answer }> {
  const { answer, offset: from } = await open(asker, { descriptor, offset, ...options });
  return { offset: from, body: answer.body, answer };
}

interface OpenBlob extends RequestOptions {
  readonly descriptor: Descriptor;
  readonly offset: number;
}

interface Opened {
  readonly offset: number;
  readonly answer: Answer;
}

async function open(asker: Asker, asked: OpenBlob): Promise<Opened> {
  const { descriptor, offset } = asked;
  const opened = await askAndUse(asker, requestOf(asker, asked), (answer) => {
    if (answer.status === 416) {
      answer.discard();
      return undefined;
    }
    const from = answer.status === 206 ? offset : 0;
    check(asker, { answer, descriptor, offset: from });
    return { offset: from, answer };
  });
  return opened ?? open(asker, { ...asked, offset: 0 });
}

function requestOf(asker: Asker, { descriptor, offset, ...options }: OpenBlob): Ask {
  const { digest } = descriptor;
  const range = offset === 0 ? undefined : { range: `bytes=${offset}-` };
  return {
    doing: `get blob ${placeOf(asker, digest)}`,
    reference: digest,
    method: "GET",
    path: `blobs/${digest}`,
    headers: { ...PLAIN, ...range },
    accept: range === undefined ? [200] : [200, 206, 416],
    ...options,
  };
}

interface Sent {
  readonly answer: Answer;
  readonly descriptor: Descriptor;
  readonly offset: number;
}

/**
 * The headers: all there is to know before the bytes. That of an encoding says nothing of them: some
 * storages have it of how a blob was once put there. Its digest tells whether they are plain.
 */
function check(asker: Asker, sent: Sent): void {
  if (sent.answer.status === 206) checkRange(asker, sent);
  checkLength(asker, sent);
}

/** RFC 9110, "Content-Range": `bytes 10-99/100`. */
function checkRange(asker: Asker, { answer, descriptor, offset }: Sent): void {
  const said = headerOf(answer, "content-range") ?? "";
  const [, first, last, all] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(said) ?? [];
  const { digest, size } = descriptor;
  const isRight = Number(first) === offset && Number(last) === size - 1;
  if (isRight && (all === "*" || Number(all) === size)) return;
  throw nonsense(
    asker,
    `blob ${digest}: asked for bytes ${offset}-${size - 1}/${size}, the registry sent ${JSON.stringify(said.slice(0, 100))}`,
    { reference: digest },
  );
}

function checkLength(asker: Asker, { answer, descriptor, offset }: Sent): void {
  const length = lengthOf(answer);
  const { digest, size } = descriptor;
  if (length === undefined || length === size - offset) return;
  throw nonsense(asker, `blob ${digest} has ${size} bytes, the registry says ${length + offset}`, {
    reference: digest,
    expected: size,
    actual: length + offset,
  });
}

/** `undefined` where the registry has none, or does not say how large it is. */
export async function hasBlob(
  asker: Asker,
  digest: Digest,
  options: RequestOptions = {},
): Promise<{ readonly size: number } | undefined> {
  const path = `blobs/${digest}`;
  const answer = await asker.ask({
    doing: `look for blob ${placeOf(asker, digest)}`,
    reference: digest,
    method: "HEAD",
    path,
    headers: PLAIN,
    accept: [200, 404],
    ...options,
  });
  answer.discard();
  const size = answer.status === 200 ? lengthOf(answer) : undefined;
  return size === undefined ? undefined : { size };
}

export interface Mounting {
  /** Otherwise an upload may have begun, and this is its place. */
  readonly isMounted: boolean;
  readonly upload?: Answer;
}

/**
 * The blob of another repository of the same registry becomes one of this (distribution-spec,
 * "Mounting a blob from another repository"). That it may not be read there is no failure.
 */
export async function mountBlob(
  asker: Asker,
  { digest, from, ...options }: RequestOptions & { digest: Digest; from: string },
): Promise<Mounting> {
  const query = new URLSearchParams({ mount: digest, from });
  try {
    const answer = await asker.ask({
      doing: `mount blob ${placeOf(asker, digest)}`,
      reference: digest,
      method: "POST",
      path: `blobs/uploads/?${query.toString()}`,
      body: new Uint8Array(),
      reads: [from],
      accept: [201, 202],
      retry: true,
      ...options,
    });
    answer.discard();
    return answer.status === 201 ? { isMounted: true } : { isMounted: false, upload: answer };
  } catch (error) {
    // What is wrong with this repository itself, the upload that follows will say.
    if (error instanceof MarmitaError && !isMarmitaError(error, "UNAVAILABLE")) {
      return { isMounted: false };
    }
    throw error;
  }
}
