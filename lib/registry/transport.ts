/** HTTP as registries speak it: redirects, retries, time-outs, and the connections of one engine. */
import type { IncomingMessage } from "node:http";
import { MarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { pause } from "../util/backoff.ts";
import type { RegistryTimeouts } from "./configuration.ts";
import { Connections } from "./connections.ts";
import type { Endpoint } from "./endpoints.ts";
import { exchange } from "./exchange.ts";
import { failureWords } from "./failure-words.ts";
import { type Hop, MOST_REDIRECTS, isRedirect, redirected, tooManyRedirects } from "./redirects.ts";
import { RequestFailure } from "./request-failure.ts";
import {
  LONGEST_TRYING_MS,
  MOST_ATTEMPTS,
  MOST_MIRROR_ATTEMPTS,
  delayAfter,
  delayOfStatus,
  isNobodyThere,
  isPassing,
} from "./retries.ts";
import { connectionError } from "./wire-error.ts";
import type { WireRequest, WireResponse, WireRetry } from "./wire-message.ts";
import { HttpResponse } from "./wire-response.ts";

export type { WireBody, WireMethod, WireRequest, WireResponse, WireRetry } from "./wire-message.ts";

export interface TransportOptions {
  /** Where proxies are looked up: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * At most so many, the first included. Default: 5; of a mirror, 2. A connection that is refused by
   * one that has not answered yet is tried twice at most.
   */
  readonly attempts?: number;
  /** Between attempts. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to 1: what makes delays differ. */
  readonly random?: () => number;
  /** In milliseconds. */
  readonly now?: () => number;
}

/** Of one request. */
export interface SendOptions {
  readonly onRetry?: (retry: WireRetry) => void;
}

const TIMEOUTS: Required<RegistryTimeouts> = {
  connectMs: 30_000,
  headersMs: 60_000,
  idleMs: 60_000,
  documentMs: 60_000,
};

export class Transport {
  readonly #options: Required<Omit<TransportOptions, "attempts">>;
  readonly #attempts: number | undefined;
  readonly #connections = new Map<string, Connections>();
  #isClosed = false;

  constructor({ attempts, env, sleep, random, now }: TransportOptions = {}) {
    this.#attempts = attempts;
    this.#options = {
      env: env ?? process.env,
      sleep: sleep ?? pause,
      random: random ?? Math.random,
      now: now ?? (() => performance.now()),
    };
  }

  /**
   * Any status is a response. Throws `UNAVAILABLE` when there is none, after as many attempts as
   * are allowed; `CORRUPT` for a redirect that is not followed; or an `AbortError`.
   */
  async request(request: WireRequest, { onRetry }: SendOptions = {}): Promise<WireResponse> {
    const most =
      request.attempts ??
      this.#attempts ??
      (request.endpoint.isMirror ? MOST_MIRROR_ATTEMPTS : MOST_ATTEMPTS);
    const { now } = this.#options;
    const giveUpAt = now() + LONGEST_TRYING_MS;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(request);
      const isLast = attempt >= most || now() >= giveUpAt;
      const again = isLast ? undefined : this.#again(result, request, attempt);
      if (again === undefined) return settled(result, request, attempt);
      if (!(result instanceof Failed)) result.discard();
      onRetry?.({ attempt, ...again });
      await this.#options.sleep(again.delayMs, request.signal);
      throwIfAborted(request.signal);
    }
  }

  /** Ends idle connections, and those in use. Twice is fine. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connections of this.#connections.values()) connections.close();
    this.#connections.clear();
  }

  #again(
    result: WireResponse | Failed,
    request: WireRequest,
    attempt: number,
  ): Omit<WireRetry, "attempt"> | undefined {
    if (this.#isClosed) return undefined;
    const pauseMs = delayAfter(attempt, this.#options.random());
    if (result instanceof Failed) {
      const { failure, url } = result;
      if (!isPassing(failure, request)) return undefined;
      const { hasAnswered } = this.#connectionsOf(request.endpoint);
      if (isNobodyThere(failure, { attempt, hasAnswered })) return undefined;
      return { delayMs: pauseMs, reason: failureWords(failure, url) };
    }
    const delayMs = delayOfStatus(result, request, pauseMs);
    return delayMs === undefined ? undefined : { delayMs, reason: `status ${result.status}` };
  }

  /** Once, with all redirects. A failure of the connection is a result: it may pass. */
  async #attempt(request: WireRequest): Promise<WireResponse | Failed> {
    const { method, url, headers = {}, endpoint } = request;
    const isForeign = url.origin !== endpoint.base.origin;
    let hop: Hop = { method, url, headers: { ...DEFAULT_HEADERS, ...lowered(headers) }, isForeign };
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(request, hop);
      if (answer instanceof Failed) return answer;
      const isElsewhere = isRedirect(answer.statusCode ?? 0, method);
      let next: Hop | undefined;
      try {
        if (isElsewhere && redirects === MOST_REDIRECTS) throw tooManyRedirects(hop);
        next = isElsewhere ? redirected(hop, answer.headers.location, endpoint) : undefined;
      } catch (error) {
        answer.destroy();
        throw error;
      }
      const response = new HttpResponse(answer, {
        request,
        hop,
        timeouts: timeoutsOf(endpoint),
        onDrain: (drained) => this.#connectionsOf(endpoint).willBeFree(drained),
      });
      if (next === undefined) return response;
      response.discard();
      hop = next;
    }
  }

  async #exchange(request: WireRequest, hop: Hop): Promise<IncomingMessage | Failed> {
    const { endpoint, body, signal } = request;
    for (;;) {
      throwIfAborted(signal);
      const connections = this.#connectionsOf(endpoint);
      await connections.settle();
      const route = await connections.routeOf(hop);
      try {
        const answer = await exchange({ hop, body, route, timeouts: timeoutsOf(endpoint), signal });
        connections.hasAnswered = true;
        return answer;
      } catch (error) {
        if (this.#isClosed) throw closed();
        if (!(error instanceof RequestFailure)) throw error;
        if (!connections.trustMore(error.error, route)) return new Failed(error, hop.url);
      }
    }
  }

  #connectionsOf(endpoint: Endpoint): Connections {
    if (this.#isClosed) throw closed();
    const { base, host, tls } = endpoint;
    const key = JSON.stringify([base.origin, host, tls]);
    let connections = this.#connections.get(key);
    if (connections === undefined) {
      connections = new Connections(endpoint, this.#options.env);
      this.#connections.set(key, connections);
    }
    return connections;
  }
}

const DEFAULT_HEADERS = {
  "user-agent": "marmita",
  // What is encoded has another digest and another length than was asked for.
  "accept-encoding": "identity",
};

/** One attempt that got no answer. */
class Failed {
  readonly failure: RequestFailure;
  readonly url: URL;

  constructor(failure: RequestFailure, url: URL) {
    this.failure = failure;
    this.url = url;
  }
}

function settled(
  result: WireResponse | Failed,
  request: WireRequest,
  attempts: number,
): WireResponse {
  if (!(result instanceof Failed)) return result;
  throw connectionError(result.failure, { request, url: result.url, attempts });
}

function timeoutsOf({ timeouts }: Endpoint): Required<RegistryTimeouts> {
  return { ...TIMEOUTS, ...timeouts };
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function closed(): MarmitaError {
  return new MarmitaError("CLOSED", "the engine is closed");
}
