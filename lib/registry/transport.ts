/** HTTP as registries speak it: redirects, retries, time-outs, and the connections of one engine. */
import type { WireRequest, WireResponse, WireRetry } from "./wire-message.ts";
import { MarmitaError } from "../errors.ts";

export type { WireBody, WireMethod, WireRequest, WireResponse, WireRetry } from "./wire-message.ts";

export interface TransportOptions {
  /** Where proxies are looked up: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`. */
  readonly env?: NodeJS.ProcessEnv;
  /** At most so many, the first included. Default: 5. */
  readonly attempts?: number;
  /** Between attempts. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to 1: what makes delays differ. */
  readonly random?: () => number;
}

/** Of one request. */
export interface SendOptions {
  readonly onRetry?: (retry: WireRetry) => void;
}

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions = {}) {
    this.#options = options;
  }

  /**
   * Any status is a response. Throws `UNAVAILABLE` when there is none, after as many attempts as
   * are allowed, or an `AbortError`.
   */
  async request(_request: WireRequest, _options: SendOptions = {}): Promise<WireResponse> {
    void this.#options;
    throw new MarmitaError("UNSUPPORTED", "not written yet");
  }

  /** Ends idle connections, and those in use. Twice is fine. */
  async close(): Promise<void> {}
}
