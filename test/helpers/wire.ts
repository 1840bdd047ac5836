/** Endpoints and requests for tests of the transport. */
import type { Endpoint } from "../../lib/registry/endpoints.ts";
import { Transport, type TransportOptions } from "../../lib/registry/transport.ts";
import type { WireRequest, WireResponse, WireRetry } from "../../lib/registry/wire-message.ts";
import { endsWithTests } from "./servers.ts";

/** As a secure registry's, whatever its URL. */
export function endpointAt(url: string, changes: Partial<Endpoint> = {}): Endpoint {
  const base = new URL(url);
  return {
    base,
    host: base.host,
    isMirror: false,
    isInsecure: false,
    tls: { rejectUnauthorized: true },
    timeouts: {},
    ...changes,
  };
}

/** One that waits for nothing between attempts; it ends with the test file. */
export function quickTransport(options: TransportOptions = {}): Transport {
  const transport = new Transport({ sleep: async () => {}, random: () => 1, env: {}, ...options });
  endsWithTests(() => transport.close());
  return transport;
}

export interface Asking extends Partial<Omit<WireRequest, "url" | "endpoint">> {
  readonly transport?: Transport;
  readonly retries?: WireRetry[];
}

/** GET of a path below the endpoint. */
export async function ask(
  endpoint: Endpoint,
  path: string,
  { transport = quickTransport(), retries = [], ...request }: Asking = {},
): Promise<WireResponse> {
  return transport.request(
    { method: "GET", url: new URL(path, endpoint.base), endpoint, ...request },
    { onRetry: (retry) => retries.push(retry) },
  );
}

/** All of a small body. */
export async function textOf(response: WireResponse): Promise<string> {
  return (await response.read(1024 * 1024)).toString();
}
