/** An answer whose headers are here: its body read in bounded time, its breaks explained. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import { abortError, onAbort } from "../util/abort.ts";
import type { RegistryTimeouts } from "./configuration.ts";
import { onSilence } from "./exchange.ts";
import type { Hop } from "./redirects.ts";
import { Slowness } from "./request-failure.ts";
import { withoutSecrets } from "./secrets.ts";
import { shownUrl } from "./shown-url.ts";
import { brokenBody } from "./wire-error.ts";
import type { WireRequest, WireResponse } from "./wire-message.ts";

/** So much is read to its end where nobody wants it: a new connection costs more. */
const CHEAP_BYTES = 64 * 1024;

export interface Answered {
  readonly request: WireRequest;
  readonly hop: Hop;
  readonly timeouts: Required<RegistryTimeouts>;
  /** Told of a connection that others can have in a moment. */
  readonly onDrain: (drained: Promise<void>) => void;
}

export class HttpResponse implements WireResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  readonly #message: IncomingMessage;
  readonly #answered: Answered;

  constructor(message: IncomingMessage, answered: Answered) {
    this.status = message.statusCode ?? 0;
    this.headers = message.headers;
    this.url = answered.hop.url;
    this.#message = message;
    this.#answered = answered;
    guard(message, answered);
  }

  get body(): Readable {
    return this.#message;
  }

  async read(limitBytes: number): Promise<Buffer> {
    const message = this.#message;
    const { documentMs } = this.#answered.timeouts;
    const timer = setTimeout(() => message.destroy(new Slowness(documentMs)), documentMs);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > limitBytes) throw tooLong(this.#answered, limitBytes);
        chunks.push(chunk);
      }
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(chunks, size);
  }

  discard(): void {
    const length = Number(this.headers["content-length"] ?? Number.NaN);
    const isBodyless = this.#answered.hop.method === "HEAD" || this.status === 204;
    const isCheap = isBodyless || length <= CHEAP_BYTES || this.#message.complete;
    if (!isCheap) return void this.#message.destroy();
    const message = this.#message.resume();
    if (message.closed) return;
    this.#answered.onDrain(new Promise((resolve) => message.once("close", resolve)));
  }

  redact(text: string): string {
    return withoutSecrets(text, this.#answered.request, this.url);
  }
}

/** From now to the end of the body: ended by an abort and by silence, and each break explained. */
function guard(message: IncomingMessage, { request, hop, timeouts }: Answered): void {
  const { signal } = request;
  explainBreaks(message, request, hop);
  const unwatch = onSilence(message.socket, timeouts.idleMs, {
    // What is here and was not taken yet is not for the registry to answer for.
    isTheirTurn: () => message.readableLength === 0,
    onSilent: (silence) => message.destroy(silence),
  });
  const unhook = signal && onAbort(signal, () => message.destroy(abortError(signal)));
  message.once("close", () => {
    unwatch();
    unhook?.();
  });
  if (signal?.aborted === true) message.destroy(abortError(signal));
}

/**
 * Node destroys a message whose connection broke with an error of its own: here it becomes ours. A
 * stream around the message would do that as well, at the price of every chunk going through it.
 */
function explainBreaks(message: IncomingMessage, request: WireRequest, hop: Hop): void {
  const destroy = message.destroy.bind(message);
  message.destroy = (error) => destroy(error && brokenBody(error, request, hop.url));
}

function tooLong({ request, hop }: Answered, limitBytes: number): MarmitaError {
  return new MarmitaError(
    "CORRUPT",
    `${shownUrl(hop.url)} is longer than ${limitBytes} bytes, which nothing of its kind is`,
    { details: { registry: request.endpoint.host, limitBytes } },
  );
}
