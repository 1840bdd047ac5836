/** Whether a request is made again that failed or was refused, and when. */
import type { IncomingHttpHeaders } from "node:http";
import { backoffMs } from "../util/backoff.ts";
import { errnoOf } from "../util/system-error.ts";
import { type RequestFailure, codeOf } from "./request-failure.ts";
import type { WireRequest } from "./wire-message.ts";

export const MOST_ATTEMPTS = 5;
/** A mirror has somebody to step in for it. */
export const MOST_MIRROR_ATTEMPTS = 2;
/** Where nobody has listened so far, somebody seldom does a moment later. */
const MOST_REFUSED_ATTEMPTS = 2;
/** No attempt begins later: where each one waits for nothing, five would take minutes. */
export const LONGEST_TRYING_MS = 90_000;
/** Nobody should wait longer without having been told. */
export const LONGEST_RETRY_AFTER_MS = 10_000;

/** More than thirty years are a mistake, in a date as in seconds. */
const LONGEST_SENSE_MS = 999_999_999_000;

const BACKOFF = { firstMs: 200, longestMs: 5_000 };

const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE"]);
/** Before a byte of the request has gone out. */
const NOT_SENT = new Set(["ECONNREFUSED", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"]);
const BROKEN = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT", "EADDRNOTAVAIL"]);
const PASSING = new Set([408, 500, 502, 503, 504]);
const TOO_MANY_REQUESTS = 429;

export function mayRepeat({ method, retry }: WireRequest): boolean {
  return retry ?? IDEMPOTENT.has(method);
}

/** One that has answered before may just be starting again. */
export function isNobodyThere(
  { error }: RequestFailure,
  { attempt, hasAnswered }: { readonly attempt: number; readonly hasAnswered: boolean },
): boolean {
  return !hasAnswered && attempt >= MOST_REFUSED_ATTEMPTS && codeOf(error) === "ECONNREFUSED";
}

/** Failures that nothing would be changed about by another try: names, certificates, nonsense. */
export function isPassing(failure: RequestFailure, request: WireRequest): boolean {
  const code = codeOf(failure.error);
  if (NOT_SENT.has(code) || failure.stage === "connect") {
    return NOT_SENT.has(code) || BROKEN.has(code);
  }
  // A connection that the registry closed while nobody used it: no answer has been begun.
  if (failure.isReused && errnoOf(failure.error) === "ECONNRESET") return request.retry !== false;
  return BROKEN.has(code) && mayRepeat(request);
}

/** For how long to wait before the request is made again; `undefined`: the answer counts. */
export function delayOfStatus(
  { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders },
  request: WireRequest,
  pauseMs: number,
): number | undefined {
  const isRefused = status === TOO_MANY_REQUESTS;
  if (!isRefused && !(PASSING.has(status) && mayRepeat(request))) return undefined;
  const asked = retryAfterMs(headers);
  // Without a word on when, more requests are what too many are made of.
  if (isRefused && asked === undefined) return undefined;
  if (asked !== undefined && asked > LONGEST_RETRY_AFTER_MS) return undefined;
  return Math.max(pauseMs, asked ?? 0);
}

/** Before the next attempt. `random` is from 0 to 1. */
export function delayAfter(attempt: number, random: number): number {
  return backoffMs(attempt, BACKOFF, random);
}

/**
 * In milliseconds; `undefined` where the header is absent or makes no sense. Seconds or a date
 * (RFC 9110, 10.2.3).
 */
export function retryAfterMs(
  headers: IncomingHttpHeaders,
  now: number = Date.now(),
): number | undefined {
  const value = headers["retry-after"]?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  if (!/^[A-Z][a-z]+,/.test(value)) return undefined;
  const date = Date.parse(value);
  const waitMs = Math.max(0, date - now);
  return waitMs <= LONGEST_SENSE_MS ? waitMs : undefined;
}
