/** The body of a request on its way: exactly as long as it was said to be. */
import type { ClientRequest } from "node:http";
import type { Readable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import type { WireBody } from "./wire-message.ts";

export interface SentBody {
  /** No more of it is read. Twice is fine. */
  stop(): void;
}

/** `onError` is told when the source fails, or is not as long as it was said to be. */
export function sendBody(
  request: ClientRequest,
  body: Uint8Array | WireBody | undefined,
  onError: (error: unknown) => void,
): SentBody {
  if (body === undefined || body instanceof Uint8Array) {
    request.end(body);
    return { stop: () => {} };
  }
  let source: Readable;
  try {
    source = body.open();
  } catch (error) {
    onError(error);
    return { stop: () => {} };
  }
  pour(source, { request, length: body.length, onError });
  return {
    stop: () => {
      source.unpipe(request);
      source.destroy();
    },
  };
}

interface Pouring {
  readonly request: ClientRequest;
  readonly length: number;
  readonly onError: (error: unknown) => void;
}

function pour(source: Readable, { request, length, onError }: Pouring): void {
  let sent = 0;
  source.on("error", onError);
  source.on("data", (chunk: Uint8Array) => {
    sent += chunk.length;
    if (sent > length) onError(notAsLong(length, sent));
  });
  source.on("end", () => {
    if (sent === length) request.end();
    else onError(notAsLong(length, sent));
  });
  source.on("close", () => {
    // Destroyed without a word.
    if (!source.readableEnded && source.errored === null) onError(notAsLong(length, sent));
  });
  source.pipe(request, { end: false });
}

function notAsLong(expected: number, actual: number): MarmitaError {
  return new MarmitaError(
    "CORRUPT",
    `what was to be sent is not ${expected} bytes long: ${actual} so far`,
    { details: { expected, actual } },
  );
}
