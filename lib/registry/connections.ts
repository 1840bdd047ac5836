/** The connections to one endpoint, and to where it redirects: kept for the next request. */
import { lookup as lookUp } from "node:dns";
import { Agent as PlainAgent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { SecureContext } from "node:tls";
import type { Endpoint } from "./endpoints.ts";
import type { Route } from "./exchange.ts";
import { proxyOf } from "./proxy.ts";
import { type Hop, isRefusedAddress } from "./redirects.ts";
import { type TlsFiles, type Trust, isUnknownIssuer, readTlsFiles, secureContext } from "./tls.ts";

/** An idle connection costs a descriptor here, and more over there. */
const IDLE_MS = 15_000;
/** How long the rest of an unwanted answer is waited for. */
const DRAIN_MS = 10;
const AGENT = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 8 };

export interface TrustingRoute extends Route {
  /** Whose word counts on it for the other side's certificate. */
  readonly trust: Trust;
}

export class Connections {
  /** Whether the endpoint has ever answered. */
  hasAnswered = false;
  readonly #endpoint: Endpoint;
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Map<string, PlainAgent>();
  readonly #contexts = new Map<string, Promise<SecureContext>>();
  readonly #draining = new Set<Promise<void>>();
  #files: Promise<TlsFiles> | undefined;
  #trust: Trust = "own";

  constructor(endpoint: Endpoint, env: NodeJS.ProcessEnv) {
    this.#endpoint = endpoint;
    this.#env = env;
  }

  /** Throws what is wrong about certificates or the proxy that are configured. */
  async routeOf({ url, isForeign }: Hop): Promise<TrustingRoute> {
    const proxy = proxyOf(url, this.#env);
    const isElsewhere = isForeign && url.hostname !== this.#endpoint.base.hostname;
    const isSecure = url.protocol === "https:";
    const trust = this.#trust;
    return {
      trust,
      agent: await this.#agent(url.protocol, isForeign, proxy),
      rejectUnauthorized: this.#endpoint.tls.rejectUnauthorized,
      ...(isSecure && { secureContext: await this.#context(isForeign, trust) }),
      // Another port of the registry's own host is where that is, whatever it resolves to.
      ...(isElsewhere && { lookup: guardedLookup(this.#endpoint) }),
      ...(proxy && { proxy: proxy.host }),
    };
  }

  /** An answer that nobody wants is being read to its end. */
  willBeFree(drained: Promise<void>): void {
    this.#draining.add(drained);
    void drained.then(() => this.#draining.delete(drained));
  }

  /** Waits a moment for such connections: making another one takes longer. */
  async settle(): Promise<void> {
    if (this.#draining.size === 0) return;
    const patience = new AbortController();
    const enough = delay(DRAIN_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([...this.#draining, enough]);
    patience.abort();
  }

  /**
   * Whether the same request, which came by a route of that trust, has another chance, now that more
   * may vouch for the other side: each of those under way at once has.
   */
  trustMore(error: unknown, { trust }: Pick<TrustingRoute, "trust">): boolean {
    if (trust === "all" || !isUnknownIssuer(error)) return false;
    this.#trust = "all";
    return true;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #agent(protocol: string, isForeign: boolean, proxy: URL | undefined): Promise<PlainAgent> {
    // A connection that has shown our certificate is not for others.
    const key = [protocol, isForeign, proxy?.href ?? ""].join(" ");
    const found = this.#agents.get(key);
    if (found !== undefined) return found;
    const made = await makeAgent(protocol, proxy);
    const raced = this.#agents.get(key);
    if (raced !== undefined) return raced;
    this.#agents.set(key, made);
    return made;
  }

  async #context(isForeign: boolean, trust: Trust): Promise<SecureContext> {
    const key = `${trust} ${isForeign}`;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = this.#makeContext(isForeign, trust);
      this.#contexts.set(key, context);
      // A file that is put right counts for the next request.
      context.catch(() => {
        this.#files = undefined;
        this.#contexts.delete(key);
      });
    }
    return context;
  }

  async #makeContext(isForeign: boolean, trust: Trust): Promise<SecureContext> {
    this.#files ??= readTlsFiles(this.#endpoint, this.#env);
    const options = { trust, withClient: !isForeign, env: this.#env };
    return secureContext(await this.#files, options);
  }
}

async function makeAgent(protocol: string, proxy: URL | undefined): Promise<PlainAgent> {
  if (proxy !== undefined) {
    const { proxyAgent } = await import("./proxy-agents.ts");
    return proxyAgent(proxy, protocol, AGENT);
  }
  return protocol === "https:" ? new SecureAgent(AGENT) : new PlainAgent(AGENT);
}

/** What a registry elsewhere calls by a name may still be this machine. */
export function guardedLookup(endpoint: Endpoint, resolve: typeof lookUp = lookUp): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const refused = addresses.find(({ address }) => isRefusedAddress(address, endpoint));
      if (refused !== undefined) return callback(new RefusedAddress(hostname, refused.address), []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

class RefusedAddress extends Error {
  readonly code = "EADDRESSREFUSED";

  constructor(hostname: string, address: string) {
    super(`${hostname} is ${address}, on or beside this machine`);
  }
}
