/** What is sent to a registry, and what comes back. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Endpoint } from "./endpoints.ts";

export type WireMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface WireRequest {
  readonly method: WireMethod;
  /** `http:` or `https:`, without user and password. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** `open` is called once for each attempt; what it returns is destroyed when that has ended. */
  readonly body?: Uint8Array | WireBody;
  /** Ends the request, and the reading of its answer. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether doing it twice does no harm. Default: true for GET, HEAD, PUT and DELETE. One that was
   * certainly not carried out is tried again in any case.
   */
  readonly retry?: boolean;
  /** At most so many, the first included. Default: as the transport has it. */
  readonly attempts?: number;
  /** Whose certificates, time-outs and connections are used. */
  readonly endpoint: Endpoint;
}

export interface WireBody {
  /** In bytes; what `open` yields is exactly so long. */
  readonly length: number;
  open(): Readable;
}

/** Any status. One of `body`, `read()` and `discard()` has to be used. */
export interface WireResponse {
  readonly status: number;
  /** With names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Of the last of the redirects that were followed. Its query may be a secret: `shownUrl()`. */
  readonly url: URL;
  /** Breaks with a MarmitaError or an AbortError; never reads ahead more than a few chunks. */
  readonly body: Readable;
  /** All of it. Throws `CORRUPT` when it is longer, and reads no further then. */
  read(limitBytes: number): Promise<Buffer>;
  /** Nobody wants it: the connection is kept where that costs next to nothing. */
  discard(): void;
  /** A text of this response without what is secret about its request, should they have met. */
  redact(text: string): string;
}

/** One more attempt, about to be made. */
export interface WireRetry {
  /** How many were made. */
  readonly attempt: number;
  readonly delayMs: number;
  /** `503 Service Unavailable`, `ECONNRESET`; without secrets. */
  readonly reason: string;
}
