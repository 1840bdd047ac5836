/** /etc/resolv.conf: this machine's read, a container's written. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

export interface ResolverSettings {
  /** Addresses, the first asked first. */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  /** `ndots:2`, `edns0`, … */
  readonly options: readonly string[];
}

/** What a caller may set instead of what this machine has; each alone. */
export interface ResolverRequest {
  readonly dns?: readonly string[] | undefined;
  /** `["."]`: none. */
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
}

/** Where a container's network helper answers for name servers that the container cannot reach. */
export interface Forwards {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** glibc takes no more (resolv.h, MAXNS). */
const MAX_NAMESERVERS = 3;

/** As resolv.conf(5): of `search` and `domain` the last line counts, options add up. */
export function parseResolvConf(text: string): ResolverSettings {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined) nameservers.push(words[0]);
    if (keyword === "search") search = words;
    if (keyword === "domain") search = words.slice(0, 1);
    if (keyword === "options") options.push(...words);
  }
  return { nameservers, search, options };
}

export function formatResolvConf({ nameservers, search, options }: ResolverSettings): string {
  return [
    ...nameservers.map((address) => `nameserver ${address}\n`),
    ...(search.length === 0 ? [] : [`search ${search.join(" ")}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}\n`]),
  ].join("");
}

export function withRequest(
  settings: ResolverSettings,
  { dns, dnsSearch, dnsOptions }: ResolverRequest,
): ResolverSettings {
  const search = dnsSearch?.filter((domain) => domain !== ".");
  return {
    nameservers: dns === undefined || dns.length === 0 ? settings.nameservers : dns,
    search: dnsSearch === undefined || dnsSearch.length === 0 ? settings.search : (search ?? []),
    options: dnsOptions === undefined || dnsOptions.length === 0 ? settings.options : dnsOptions,
  };
}

/**
 * The name servers as a private network reaches them. Those on this machine itself, `local`, it
 * does not: the helper forwards what is sent to `forwards` to the first one of its family.
 */
export function reachableNameservers(
  nameservers: readonly string[],
  local: readonly string[],
  forwards: Forwards,
): readonly string[] {
  const isLocal = localAddresses(local);
  const seen = new Set<string>();
  const reachable = nameservers.flatMap((address) => {
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    const isFirst = !seen.has(family);
    seen.add(family);
    if (!isLocal(address)) return [address];
    return isFirst ? [forwards[family]] : [];
  });
  return reachable.slice(0, MAX_NAMESERVERS);
}

/** Those of `forwards` that a container's resolv.conf names. */
export function forwardsIn(resolvConf: string, { ipv4, ipv6 }: Forwards): readonly string[] {
  const { nameservers } = parseResolvConf(resolvConf);
  return nameservers.filter((address) => address === ipv4 || address === ipv6);
}

/** Loopback, this machine's own addresses, and those that mean nothing without an interface. */
function localAddresses(own: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  list.addSubnet("127.0.0.0", 8, "ipv4");
  list.addAddress("0.0.0.0", "ipv4");
  list.addAddress("::1", "ipv6");
  list.addAddress("::", "ipv6");
  list.addSubnet("fe80::", 10, "ipv6");
  for (const address of own) list.addAddress(address, isIPv6(address) ? "ipv6" : "ipv4");
  return (address) => {
    const bare = address.replace(/%.*/, "");
    if (isIPv4(bare)) return list.check(bare, "ipv4");
    return !isIPv6(bare) || list.check(bare, "ipv6");
  };
}
