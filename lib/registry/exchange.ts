/** One request sent and its answer's headers received, in bounded time: no redirects, no retries. */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { MarmitaError } from "../errors.ts";
import { abortError, onAbort } from "../util/abort.ts";
import type { RegistryTimeouts } from "./configuration.ts";
import type { Hop } from "./redirects.ts";
import { type SentBody, sendBody } from "./request-body.ts";
import { ProxyRefusal, RequestFailure, Silence, type Stage, codeOf } from "./request-failure.ts";
import type { WireBody } from "./wire-message.ts";

/** How a hop reaches its host. */
export interface Route {
  readonly agent: Agent;
  readonly secureContext?: SecureContext;
  readonly rejectUnauthorized: boolean;
  readonly lookup?: LookupFunction;
  /** `host:port`, for people. */
  readonly proxy?: string;
}

export interface ExchangeOptions {
  readonly hop: Hop;
  readonly body: Uint8Array | WireBody | undefined;
  readonly route: Route;
  readonly timeouts: Required<RegistryTimeouts>;
  readonly signal: AbortSignal | undefined;
}

/** What goes through an agent to net.connect(), or ends in our agents of proxies. */
interface ExtendedRequestOptions extends RequestOptions {
  readonly autoSelectFamilyAttemptTimeout: number;
  readonly giveUp: AbortSignal;
}

/** Of an answer: what an honest one needs, with signed URLs in it, is below 8 KiB. */
const MOST_HEADER_BYTES = 64 * 1024;
/** Node gives each address of a host 250 ms: too little for a slow line. */
const ONE_ADDRESS_MS = 1_000;
const PROXY_WANTS_PASSWORD = 407;

/** Rejects with a `RequestFailure`, an `AbortError`, or what the body's source failed with. */
export function exchange(options: ExchangeOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = outcome<IncomingMessage>();
  const attempt = new Attempt(options, resolve, reject);
  attempt.start();
  return promise;
}

class Attempt {
  readonly #options: ExchangeOptions;
  readonly #resolve: (answer: IncomingMessage) => void;
  readonly #reject: (error: unknown) => void;
  /** A connection through a proxy is made before the request knows of a socket. */
  readonly #connecting = new AbortController();
  #stage: Stage = "connect";
  #hasReachedProxy = false;
  #isOver = false;
  #request: ClientRequest | undefined;
  #body: SentBody | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unhook: (() => void) | undefined;
  #unwatch: (() => void) | undefined;

  constructor(
    options: ExchangeOptions,
    resolve: (answer: IncomingMessage) => void,
    reject: (error: unknown) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { hop, body, timeouts, signal } = this.#options;
    if (signal?.aborted === true) return this.#end(abortError(signal));
    this.#limit(timeouts.connectMs);
    this.#unhook = signal && onAbort(signal, () => this.#end(abortError(signal)));
    const send = hop.url.protocol === "https:" ? requestSecure : requestPlain;
    let request: ClientRequest;
    try {
      request = send(hop.url, this.#requestOptions());
    } catch (error) {
      return this.#end(notSendable(hop, error));
    }
    this.#request = request;
    // For good: one that was given up still tells of its end.
    request.on("error", (error) => this.#fail(error));
    request.on("socket", (socket: Socket) => this.#gotSocket(socket));
    request.on("proxyConnect", (answer: { statusCode?: number }) => this.#reachedProxy(answer));
    request.on("response", (answer) => this.#answered(answer));
    request.on("finish", () => this.#wasSent());
    this.#body = sendBody(request, body, (error) => this.#end(error));
  }

  #requestOptions(): ExtendedRequestOptions {
    const { hop, body, route } = this.#options;
    const { agent, secureContext, rejectUnauthorized, lookup } = route;
    return {
      method: hop.method,
      agent,
      headers: { ...hop.headers, ...lengthHeader(hop, body) },
      maxHeaderSize: MOST_HEADER_BYTES,
      ...(lookup && { lookup }),
      autoSelectFamilyAttemptTimeout: ONE_ADDRESS_MS,
      ...(hop.url.protocol === "https:" && { secureContext, rejectUnauthorized }),
      giveUp: this.#connecting.signal,
    };
  }

  #gotSocket(socket: Socket): void {
    if (this.#isOver) return;
    const isSecure = this.#options.hop.url.protocol === "https:";
    if (this.#request?.reusedSocket === true || !(isSecure || socket.connecting)) {
      return this.#connected(socket);
    }
    const event = isSecure ? "secureConnect" : "connect";
    const connected = () => this.#connected(socket);
    socket.once(event, connected);
    this.#unwatch = () => socket.off(event, connected);
  }

  #connected(socket: Socket): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    if (this.#stage !== "connect") return;
    this.#stage = "send";
    if (this.#request?.writableFinished === true) return this.#wasSent();
    this.#unwatch = onSilence(socket, this.#options.timeouts.idleMs, {
      // Nothing to send: it is the source of the body that is slow.
      isTheirTurn: () => socket.writableLength > 0,
      onSilent: (silence) => this.#fail(silence),
    });
  }

  #wasSent(): void {
    if (this.#isOver || this.#stage === "connect") return;
    this.#unwatch?.();
    this.#stage = "headers";
    this.#limit(this.#options.timeouts.headersMs);
  }

  #reachedProxy({ statusCode }: { readonly statusCode?: number }): void {
    if (statusCode !== undefined && statusCode !== 200) this.#fail(new ProxyRefusal(statusCode));
    this.#hasReachedProxy = true;
  }

  #answered(answer: IncomingMessage): void {
    answer.on("error", () => {}); // whoever reads it is told, too
    const { route } = this.#options;
    if (answer.statusCode === PROXY_WANTS_PASSWORD && route.proxy !== undefined) {
      return this.#fail(new ProxyRefusal(PROXY_WANTS_PASSWORD));
    }
    if (this.#isOver) return void answer.destroy();
    this.#finish();
    this.#body?.stop();
    const request = this.#request;
    // The rest of what was to be sent never comes: nobody else may use this connection.
    if (request?.writableFinished === false) answer.once("close", () => request.destroy());
    this.#resolve(answer);
  }

  #limit(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new Silence(milliseconds)), milliseconds);
  }

  #fail(error: unknown): void {
    const { proxy } = this.#options.route;
    const isProxys =
      proxy !== undefined &&
      (error instanceof ProxyRefusal || (this.#stage === "connect" && !this.#hasReachedProxy));
    const failure = new RequestFailure(this.#stage, error, {
      isReused: this.#request?.reusedSocket === true,
      ...(isProxys && { proxy }),
    });
    this.#end(failure);
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    const isConnecting = this.#stage === "connect";
    this.#finish();
    this.#body?.stop();
    this.#request?.destroy();
    if (isConnecting) this.#connecting.abort();
    this.#reject(error);
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#unhook?.();
    this.#unwatch?.();
  }
}

/** A token or a cursor with line breaks in it, from somebody who would like to write headers. */
function notSendable({ url }: Hop, cause: unknown): MarmitaError {
  const code = codeOf(cause);
  return new MarmitaError("CORRUPT", `what ${url.host} gave us cannot be sent in a header`, {
    errno: code === "" ? undefined : code,
    details: { registry: url.host },
  });
}

interface SilenceOptions {
  /** Whether it is the other side that keeps us waiting. */
  readonly isTheirTurn: () => boolean;
  readonly onSilent: (silence: Silence) => void;
}

/** Watches a connection on which something should be going on. Returns how to stop. */
export function onSilence(
  socket: Socket,
  milliseconds: number,
  { isTheirTurn, onSilent }: SilenceOptions,
): () => void {
  const silent = () => {
    if (isTheirTurn()) onSilent(new Silence(milliseconds));
    else socket.setTimeout(milliseconds);
  };
  // Whoever has the connection next sets a time-out of their own; of an idle one, its agent does.
  socket.setTimeout(milliseconds);
  socket.on("timeout", silent);
  return () => socket.off("timeout", silent);
}

/** A request without a body that could have one says so. */
function lengthHeader(
  { method }: Hop,
  body: Uint8Array | WireBody | undefined,
): Record<string, string> {
  if (body !== undefined) return { "content-length": String(body.length) };
  return method === "GET" || method === "HEAD" ? {} : { "content-length": "0" };
}

/** Promise.withResolvers(), for Node 20. */
function outcome<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onFulfilled, onRejected) => {
    resolve = onFulfilled;
    reject = onRejected;
  });
  return { promise, resolve, reject };
}
