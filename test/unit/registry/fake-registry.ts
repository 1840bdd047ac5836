/** A registry and its realm without a network: requests are answered by a function. */
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Endpoint } from "../../../lib/registry/endpoints.ts";
import type { WireRequest, WireResponse } from "../../../lib/registry/transport.ts";

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: IncomingHttpHeaders;
  readonly body?: string;
  /** Where redirects have led to. Default: where it was asked. */
  readonly url?: string;
}

export class FakeTransport {
  readonly requests: WireRequest[] = [];
  readonly #answer: (request: WireRequest) => FakeAnswer | Promise<FakeAnswer>;

  constructor(answer: (request: WireRequest) => FakeAnswer | Promise<FakeAnswer>) {
    this.#answer = answer;
  }

  async request(request: WireRequest): Promise<WireResponse> {
    this.requests.push(request);
    const { status, headers = {}, body = "", url } = await this.#answer(request);
    const bytes = Buffer.from(body);
    return {
      status,
      headers,
      url: url === undefined ? request.url : new URL(url),
      body: Readable.from([bytes]),
      read: async (limitBytes) => {
        if (bytes.length > limitBytes) throw new Error("longer than the limit");
        return bytes;
      },
      discard: () => undefined,
      redact: (text) => text,
    };
  }
}

export function endpoint(url: string, more: Partial<Endpoint> = {}): Endpoint {
  const base = new URL(url);
  return {
    base,
    host: base.host,
    isMirror: false,
    isInsecure: base.protocol === "http:",
    tls: { rejectUnauthorized: base.protocol === "https:" },
    timeouts: {},
    ...more,
  };
}

/** A promise that is fulfilled from outside. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
