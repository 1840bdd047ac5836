/** Whether a URL is asked for through a proxy: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY. */
import { BlockList, isIP } from "node:net";
import { MarmitaError } from "../errors.ts";
import { isLoopback } from "./endpoints.ts";

/**
 * Without a path; user and password are in it where the proxy wants them. The lower-case names
 * count before the others, as for curl.
 */
export function proxyOf(url: URL, env: NodeJS.ProcessEnv = process.env): URL | undefined {
  const found = valueOf(env, `${url.protocol.slice(0, -1)}_proxy`) ?? valueOf(env, "all_proxy");
  if (found === undefined || isExempt(url, valueOf(env, "no_proxy") ?? "")) return undefined;
  // `HTTPS_PROXY=proxy:3128` is spoken to without TLS, as by curl and Go.
  return checked(found.includes("://") ? found : `http://${found}`);
}

function valueOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined;
}

function checked(text: string): URL {
  if (!URL.canParse(text)) {
    throw notOne("HTTPS_PROXY, HTTP_PROXY and ALL_PROXY are like http://proxy.example.com:3128.");
  }
  const proxy = new URL(text);
  if (!isDecodable(proxy.username + proxy.password)) {
    throw notOne("In its user and password a % is written %25, an @ %40, a / %2F.");
  }
  if (proxy.protocol === "http:" || proxy.protocol === "https:") return proxy;
  const kind = proxy.protocol.slice(0, -1);
  throw new MarmitaError("UNSUPPORTED", `proxies of type ${kind} are not supported`, {
    hint: "Set HTTPS_PROXY and HTTP_PROXY to an http: or https: proxy, or NO_PROXY to the registry.",
    details: { proxy: proxy.host },
  });
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** There may be a password in it: it is not shown. */
function notOne(hint: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", "the proxy in the environment is not a URL", {
    hint,
  });
}

/**
 * This machine, and what NO_PROXY has: `*`, hosts with their subdomains, `.example.com` without
 * that host itself, addresses and networks; each with a port, or for all (golang.org/x/net/http/httpproxy).
 */
export function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (isLoopback(url.host)) return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const entries = noProxy
    .toLowerCase()
    .split(/[,\s]+/)
    .filter(Boolean);
  return entries.some((entry) => matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isIn(entry, host);
  const { name, ofPort } = split(entry);
  if (ofPort !== undefined && ofPort !== port) return false;
  if (name === host) return true;
  return isIP(host) === 0 && host.endsWith(name.replace(/^\*?\.?/, "."));
}

/** `example.com:443`, `[::1]:443`, `::1`. */
function split(entry: string): { readonly name: string; readonly ofPort?: string } {
  if (isIP(entry) === 6) return { name: entry };
  const [, name = entry, ofPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  return { name: name.replace(/^\[(.*)\]$/, "$1"), ...(ofPort !== undefined && { ofPort }) };
}

function isIn(network: string, host: string): boolean {
  const [address = "", bits = ""] = network.split("/");
  const family = isIP(address);
  const prefix = Number(bits);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits) || prefix > most) return false;
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(address, prefix, kind);
  return list.check(host, kind);
}
