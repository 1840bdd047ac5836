/** Where a registry sends its clients: followed, but never with what is meant for it alone. */
import { BlockList, isIP } from "node:net";
import { MarmitaError } from "../errors.ts";
import { type Endpoint, isLoopback } from "./endpoints.ts";
import { shownUrl } from "./shown-url.ts";
import type { WireMethod } from "./wire-message.ts";

export const MOST_REDIRECTS = 5;

/** One request on its way. */
export interface Hop {
  readonly method: WireMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Another scheme, host or port than was asked: it sees neither password nor certificate. */
  readonly isForeign: boolean;
}

const STATUSES = new Set([301, 302, 303, 307, 308]);
const FOR_THE_REGISTRY_ALONE = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Addresses of this very machine's surroundings: cloud metadata (169.254.169.254) is among them. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("0.0.0.0", 8, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
LINK_LOCAL.addAddress("::", "ipv6");

export function isRedirect(status: number, method: WireMethod): boolean {
  return STATUSES.has(status) && (method === "GET" || method === "HEAD");
}

/**
 * What to ask next; `undefined` where the answer says no place. Throws `CORRUPT` for a place that
 * nobody should be sent to.
 */
export function redirected(
  hop: Hop,
  location: string | undefined,
  endpoint: Endpoint,
): Hop | undefined {
  if (location === undefined) return undefined;
  if (!URL.canParse(location, hop.url.href)) throw refused(hop, "a place that is no URL");
  const url = new URL(location, hop.url);
  check(hop, url, endpoint);
  url.hash = "";
  const isForeign = hop.isForeign || url.origin !== hop.url.origin;
  return { ...hop, url, isForeign, headers: isForeign ? harmless(hop.headers) : hop.headers };
}

/** Names are checked when they are looked up: `isRefusedAddress()`. */
function check(hop: Hop, url: URL, endpoint: Endpoint): void {
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw refused(hop, `${url.protocol} which is not for images`);
  }
  if (hop.url.protocol === "https:" && url.protocol === "http:" && !endpoint.isInsecure) {
    const hint = `Where that is meant, set "insecure": true for ${endpoint.host} in registries.json.`;
    throw refused(hop, `${shownUrl(url)} without TLS`, hint);
  }
  if (url.username !== "" || url.password !== "") throw refused(hop, "a URL with a password");
  // Another port of the registry's own host is where that is.
  if (url.hostname === endpoint.base.hostname) return;
  const address = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isHere = isLoopback(url.host) && !isLoopback(endpoint.base.host);
  if (isHere || (isIP(address) !== 0 && isRefusedAddress(address, endpoint))) {
    throw refused(hop, `${shownUrl(url)} on or beside this machine`);
  }
}

/**
 * Whether a registry may not send us there: to our cloud's metadata, and from elsewhere to this
 * machine. One on this machine may be the near end of a tunnel.
 */
export function isRefusedAddress(address: string, endpoint: Endpoint): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const host = isIP(plain) === 4 ? plain : `[${plain}]`;
  return isLinkLocal(host) || (isLoopback(host) && !isLoopback(endpoint.base.host));
}

/** An address as URLs have it; names are none. */
export function isLinkLocal(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(address);
  return family !== 0 && LINK_LOCAL.check(address, family === 4 ? "ipv4" : "ipv6");
}

function harmless(headers: Hop["headers"]): Hop["headers"] {
  const kept = Object.entries(headers).filter(
    ([name]) => !FOR_THE_REGISTRY_ALONE.has(name.toLowerCase()),
  );
  return Object.fromEntries(kept);
}

export function tooManyRedirects(hop: Hop): MarmitaError {
  return refused(hop, "one place after the other");
}

function refused({ url }: Hop, where: string, hint?: string): MarmitaError {
  return new MarmitaError("CORRUPT", `${shownUrl(url)} redirects to ${where}`, {
    hint,
    details: { registry: url.host },
  });
}
