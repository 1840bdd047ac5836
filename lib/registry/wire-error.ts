/** Why a registry could not be asked, or refused: in words for people, without secrets. */
import type { IncomingHttpHeaders } from "node:http";
import { type ErrorCode, MarmitaError, isMarmitaError } from "../errors.ts";
import { isJsonObject } from "../util/json.ts";
import { DOCKER_HUB } from "./configuration.ts";
import { IN_TROUBLE, failureHint, failureWords } from "./failure-words.ts";
import { type RequestFailure, Silence, Slowness, codeOf } from "./request-failure.ts";
import { retryAfterMs } from "./retries.ts";
import { type ShownCredentials, loginCommand, shownHint, shownWords } from "./shown-credentials.ts";
import { shownUrl } from "./shown-url.ts";
import type { WireRequest, WireResponse } from "./wire-message.ts";

export { shownUrl } from "./shown-url.ts";
export { retryAfterMs } from "./retries.ts";

/** What was asked for, in every error's `details`. */
export interface Where {
  /** As in image names: `docker.io`. */
  readonly registry: string;
  readonly repository?: string | undefined;
  readonly reference?: string | undefined;
  /** With a 401: who was not let in. In `details`, their source. */
  readonly credentials?: ShownCredentials | undefined;
}

interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** The registry's own words, where it has any (distribution-spec, "Error Codes"). */
interface RegistryWords {
  readonly code?: string;
  readonly message?: string;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: "UNAUTHORIZED",
  403: "DENIED",
  404: "NOT_FOUND",
  408: "UNAVAILABLE",
  429: "RATE_LIMITED",
};
const WORDS: Readonly<Record<string, string>> = {
  UNAUTHORIZED: "not logged in, or not allowed",
  DENIED: "access denied",
  NOT_FOUND: "not found",
  RATE_LIMITED: "too many requests",
};
const MOST_ERROR_BYTES = 64 * 1024;
const MOST_MESSAGE_CHARACTERS = 300;

/** A request that got no answer. `attempts` counts all that were made. */
export function connectionError(
  failure: RequestFailure,
  { request, url, attempts }: { request: WireRequest; url: URL; attempts: number },
): MarmitaError {
  const { endpoint, method } = request;
  const code = codeOf(failure.error);
  const message = `${method} ${shownUrl(url)}: ${failureWords(failure, url)}`;
  return new MarmitaError("UNAVAILABLE", message, {
    cause: withoutBytes(failure.error),
    step: failure.stage,
    errno: code === "" ? undefined : code,
    hint: failureHint(failure, url, endpoint),
    details: { registry: endpoint.host, attempts, ...(failure.proxy && { proxy: failure.proxy }) },
  });
}

/** A body that ended before its time. Errors on purpose and aborts stay what they are. */
export function brokenBody(error: Error, { endpoint }: WireRequest, url: URL): Error {
  if (isMarmitaError(error) || error.name === "AbortError") return error;
  const code = codeOf(error);
  return new MarmitaError("UNAVAILABLE", `${shownUrl(url)}: ${breakWords(error)}`, {
    cause: withoutBytes(error),
    step: "body",
    errno: code === "" ? undefined : code,
    hint: IN_TROUBLE,
    details: { registry: endpoint.host },
  });
}

function breakWords(error: Error): string {
  if (error instanceof Silence) return `nothing more came for ${error.milliseconds / 1_000} s`;
  if (error instanceof Slowness)
    return `it was not here whole after ${error.milliseconds / 1_000} s`;
  return "the connection broke off";
}

/** Node's parser adds what it could not read: whatever the other side sent would be printed. */
function withoutBytes(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, "rawPacket");
  return error;
}

/**
 * What a response means that is not the wanted one; its body is read for the registry's own words.
 * `doing` says what was tried: `manifest latest of docker.io/library/busybox`. 401 is
 * `UNAUTHORIZED`, 403 `DENIED`, 404 `NOT_FOUND`, 429 `RATE_LIMITED`, 5xx `UNAVAILABLE`, others
 * `CORRUPT`: nobody expects them.
 */
export async function responseError(
  response: WireResponse,
  doing: string,
  where: Where,
): Promise<MarmitaError> {
  let body: Uint8Array = new Uint8Array();
  try {
    body = await response.read(MOST_ERROR_BYTES);
  } catch (error) {
    if (!isMarmitaError(error)) throw error; // an abort; a broken explanation explains nothing
  }
  const { code, message } = wordsOf(body);
  const words = {
    ...(code !== undefined && { code: readable(response, code) }),
    ...(message !== undefined && { message: readable(response, message) }),
  };
  return refusal(response, { doing, where, words });
}

/** The same where the body is known, or of no interest. */
export function statusError(response: Refusal, doing: string, where: Where): MarmitaError {
  return refusal(response, { doing, where, words: {} });
}

interface Refused {
  readonly doing: string;
  readonly where: Where;
  readonly words: RegistryWords;
}

function refusal({ status, headers }: Refusal, { doing, where, words }: Refused): MarmitaError {
  const code = CODES[status] ?? (status >= 500 ? "UNAVAILABLE" : "CORRUPT");
  const waitMs = retryAfterMs(headers);
  const said = words.message ?? words.code;
  const shown = code === "UNAUTHORIZED" ? where.credentials : undefined;
  const meaning = shown ? shownWords(shown) : (WORDS[code] ?? `the registry answered ${status}`);
  return new MarmitaError(code, `${doing}: ${meaning}${said === undefined ? "" : ` (${said})`}`, {
    hint: shown ? shownHint(shown, where.registry) : hintOf(code, where.registry, waitMs),
    details: {
      ...definedOf(where),
      ...(shown && { credentials: shown.source }),
      status,
      ...(words.code !== undefined && { code: words.code }),
      ...(waitMs !== undefined && { retryAfterMs: waitMs }),
    },
  });
}

function definedOf({ registry, repository, reference }: Where): Partial<Where> {
  const where = { registry, repository, reference };
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined));
}

function hintOf(code: ErrorCode, registry: string, waitMs: number | undefined): string | undefined {
  const login = loginCommand(registry);
  if (code === "UNAUTHORIZED") {
    return `Check the name; where it is right, log in: ${login}`;
  }
  if (code === "UNAVAILABLE") return IN_TROUBLE;
  if (code === "DENIED") return `Log in as somebody who may: ${login}`;
  if (code !== "RATE_LIMITED") return undefined;
  const when = waitMs === undefined ? "later" : `in ${Math.ceil(waitMs / 1_000)} s`;
  const limit = registry === DOCKER_HUB ? ` Whoever is logged in has a higher limit: ${login}` : "";
  return `Try again ${when}.${limit}`;
}

/** The first error; others are rare and say little more. */
function wordsOf(body: Uint8Array): RegistryWords {
  const json = parsed(body);
  if (!isJsonObject(json)) return {};
  const errors: unknown = json["errors"];
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (isJsonObject(first)) return { ...textOf(first, "code"), ...textOf(first, "message") };
  // Token servers, and Docker Hub where it is not a registry: `details` or `message`.
  const message = json["details"] ?? json["message"];
  return typeof message === "string" && message !== "" ? { message } : {};
}

function textOf(object: Readonly<Record<string, unknown>>, name: string): Record<string, string> {
  const value = object[name];
  return typeof value === "string" && value !== "" ? { [name]: value } : {};
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined; // a web page of something in between
  }
}

/** One line, without secrets, of bounded length. */
function readable(response: WireResponse, text: string): string {
  const short = response.redact(text.slice(0, 8 * MOST_MESSAGE_CHARACTERS));
  const line = short.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  if (line.length <= MOST_MESSAGE_CHARACTERS) return line;
  return `${line.slice(0, MOST_MESSAGE_CHARACTERS)}…`;
}
