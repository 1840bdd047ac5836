/** Manifests and indexes of a repository: asked for, fetched, put. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/manifest.ts";
import {
  INDEX,
  MANIFEST,
  MANIFEST_TYPES,
  isIndexType,
  isManifestType,
} from "../oci/media-types.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { type OnRetry, again } from "./again.ts";
import {
  type Answer,
  type Ask,
  type Asker,
  askAndUse,
  contentTypeOf,
  headerOf,
  lengthOf,
  nonsense,
  placeOf,
} from "./asker.ts";

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** A request failed in passing, and is made again. */
  readonly onRetry?: OnRetry | undefined;
}

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

const ACCEPT = MANIFEST_TYPES.join(", ");

/** What registries say that know nothing of the type. */
const GENERAL_TYPES = new Set(["", "application/json", "application/octet-stream", "text/plain"]);

/** `undefined` where the registry says that there is none. */
export async function headManifest(
  asker: Asker,
  reference: string,
  options: RequestOptions = {},
): Promise<Descriptor | undefined> {
  const path = `manifests/${reference}`;
  // Registries that know no HEAD say so in one of these ways; GET tells what it is.
  const accept = [200, 404, 400, 405, 501];
  const headers = { accept: ACCEPT };
  const doing = `look for manifest ${placeOf(asker, reference)}`;
  const answer = await asker.ask({
    doing,
    reference,
    method: "HEAD",
    path,
    headers,
    accept,
    ...options,
  });
  answer.discard();
  if (answer.status === 404) return undefined;
  const found = answer.status === 200 ? describe(answer) : undefined;
  if (found !== undefined) {
    if (isDigest(reference) && found.digest !== reference) throw other(asker, reference, found);
    return found;
  }
  try {
    return (await getManifest(asker, reference, options)).descriptor;
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Throws `NOT_FOUND`, and `CORRUPT` for what is larger than 4 MiB or not what was asked for. */
export async function getManifest(
  asker: Asker,
  reference: string,
  options: RequestOptions = {},
): Promise<FetchedManifest> {
  return again(asker, () => fetchManifest(asker, reference, options), options);
}

async function fetchManifest(
  asker: Asker,
  reference: string,
  options: RequestOptions,
): Promise<FetchedManifest> {
  const request: Ask = {
    doing: `get manifest ${placeOf(asker, reference)}`,
    reference,
    method: "GET",
    path: `manifests/${reference}`,
    headers: { accept: ACCEPT },
    accept: [200],
    ...options,
  };
  return askAndUse(asker, request, async (answer) => {
    const bytes = await answer.read(MANIFEST_LIMIT_BYTES);
    const digest = digestOf(bytes);
    const said = isDigest(reference) ? reference : headerOf(answer, "docker-content-digest");
    if (isDigest(said) && said !== digest) {
      throw other(asker, reference, { digest, size: bytes.length, said });
    }
    const mediaType = mediaTypeOf(asker, { reference, answer, bytes });
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  });
}

/** As `mediaType`, under a tag or its own digest. Throws `CORRUPT` when another came to be. */
export async function putManifest(
  asker: Asker,
  reference: string,
  { bytes, mediaType, ...options }: RequestOptions & { bytes: Uint8Array; mediaType: string },
): Promise<Digest> {
  const digest = digestOf(bytes);
  if (isDigest(reference) && reference !== digest) {
    throw new MarmitaError("INVALID_ARGUMENT", `the manifest is ${digest}, not ${reference}`);
  }
  const answer = await asker.ask({
    doing: `put manifest ${placeOf(asker, reference)}`,
    reference,
    method: "PUT",
    path: `manifests/${reference}`,
    headers: { "content-type": mediaType },
    body: bytes,
    accept: [201, 200, 202],
    ...options,
  });
  answer.discard();
  const said = headerOf(answer, "docker-content-digest");
  if (isDigest(said) && said !== digest) {
    throw other(asker, reference, { digest: said, size: bytes.length, said: digest });
  }
  return digest;
}

/** `undefined` where the headers leave something out. */
function describe(answer: Answer): Descriptor | undefined {
  const digest = headerOf(answer, "docker-content-digest");
  const size = lengthOf(answer);
  const mediaType = contentTypeOf(answer);
  if (!isDigest(digest) || size === undefined || !isKnownType(mediaType)) return undefined;
  return { mediaType, digest, size };
}

interface Received {
  readonly reference: string;
  readonly answer: Answer;
  readonly bytes: Uint8Array;
}

/** Of the header, and of the document where it says it; both have to be the same. */
function mediaTypeOf(asker: Asker, { reference, answer, bytes }: Received): string {
  const what = `manifest ${placeOf(asker, reference)}`;
  const sent = contentTypeOf(answer);
  if (sent === "text/html") {
    throw new MarmitaError("CORRUPT", `${what} is not JSON: a web page came instead`, {
      hint: "Something answers in the registry's place: a proxy, or a log-in page of the network.",
      details: { registry: asker.registry, repository: asker.repository, reference },
    });
  }
  const fields = new JsonReader(parseJson(bytes, what), what);
  const own = fields.findText("mediaType") ?? "";
  if (GENERAL_TYPES.has(sent)) return own === "" ? guessed(fields) : own;
  if (own === "" || own === sent) return sent;
  throw nonsense(asker, `${what} says it is ${shown(own)}, the registry ${shown(sent)}`, {
    reference,
  });
}

/** OCI documents need not say what they are. */
function guessed(fields: JsonReader): string {
  return fields.has("manifests") && !fields.has("config") ? INDEX : MANIFEST;
}

function isKnownType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

interface Other {
  readonly digest: Digest;
  readonly size: number;
  /** What it should be, where that is not the reference itself. */
  readonly said?: Digest;
}

function other(asker: Asker, reference: string, { digest, said }: Other): MarmitaError {
  const expected = said ?? reference;
  return nonsense(asker, `manifest ${placeOf(asker, reference)} is ${digest}, not ${expected}`, {
    reference,
    expected,
    actual: digest,
  });
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
