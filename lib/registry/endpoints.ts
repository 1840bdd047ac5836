/** Where the images of a registry are asked for: its mirrors, itself, with and without TLS. */
import { BlockList, isIP } from "node:net";
import { MarmitaError } from "../errors.ts";
import {
  DOCKER_HUB,
  type RegistriesConfiguration,
  type RegistrySettings,
  type RegistryTimeouts,
  registryName,
} from "./configuration.ts";

/** One place to ask. Its paths are relative to `base`: `new URL("v2/", endpoint.base)`. */
export interface Endpoint {
  /** Ends in a slash: `https://registry-1.docker.io/`, `https://mirror.example.com/hub/`. */
  readonly base: URL;
  /** By what credentials and certificates are found: `docker.io`, `localhost:5000`. */
  readonly host: string;
  readonly isMirror: boolean;
  /** It may be spoken to without TLS, or with a certificate that nobody vouches for. */
  readonly isInsecure: boolean;
  readonly tls: EndpointTls;
  readonly timeouts: RegistryTimeouts;
}

/** Paths of PEM files; those of Docker's and Podman's `certs.d/<host>` count where there are none. */
export interface EndpointTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
}

export type AccessMode = "pull" | "push";

/** What somebody is about to do, and how careful they want to be. */
export interface EndpointAccess {
  readonly mode: AccessMode;
  /** True: TLS with a good certificate or nothing. False: insecure. Default: as configured. */
  readonly tlsVerify?: boolean | undefined;
}

/** The host that speaks for Docker Hub. */
const HUB_HOST = "registry-1.docker.io";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Those to try, one after the other: the mirrors for a pull, then the registry itself. What is
 * insecure comes twice, with TLS and without. Throws `NOT_FOUND` for a blocked registry.
 */
export function endpointsOf(
  configuration: RegistriesConfiguration,
  domain: string,
  access: EndpointAccess,
): readonly Endpoint[] {
  const host = registryName(domain);
  const settings = configuration.registries.get(host) ?? {};
  if (settings.blocked === true) throw blocked(host, configuration);
  const itself = ofHost(host, settings, access);
  if (access.mode === "push") return itself;
  const { mirrors = [] } = settings;
  return [...mirrors.map((url) => ofMirror(new URL(url), configuration, access)), ...itself];
}

/** Never contacted, by the user's wish. */
export function isBlocked(configuration: RegistriesConfiguration, domain: string): boolean {
  return configuration.registries.get(registryName(domain))?.blocked === true;
}

function ofHost(
  host: string,
  settings: RegistrySettings,
  { tlsVerify }: EndpointAccess,
): readonly Endpoint[] {
  const name = host === DOCKER_HUB ? HUB_HOST : host;
  const insecure = tlsVerify === undefined ? (settings.insecure ?? isLoopback(host)) : !tlsVerify;
  const secured = endpoint(urlOf(`https://${name}/`), { host, settings, insecure });
  if (!insecure) return [secured];
  return [secured, { ...secured, base: urlOf(`http://${name}/`) }];
}

function ofMirror(
  url: URL,
  { registries }: RegistriesConfiguration,
  { tlsVerify }: EndpointAccess,
): Endpoint {
  const host = registryName(url.host);
  const settings = registries.get(host) ?? {};
  const insecure = tlsVerify === undefined ? (settings.insecure ?? isLoopback(host)) : !tlsVerify;
  const base = new URL(url.pathname.endsWith("/") ? url : `${url.href}/`);
  const isPlain = base.protocol === "http:";
  return {
    ...endpoint(base, { host, settings, insecure: insecure || isPlain }),
    isMirror: true,
  };
}

interface Of {
  readonly host: string;
  readonly settings: RegistrySettings;
  readonly insecure: boolean;
}

function endpoint(base: URL, { host, settings, insecure }: Of): Endpoint {
  const { ca, cert, key, timeouts = {} } = settings;
  const tls: EndpointTls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: !insecure,
  };
  return { base, host, isMirror: false, isInsecure: insecure, tls, timeouts };
}

/** A port beyond 65535 is good in a name, and nowhere else. */
function urlOf(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new MarmitaError("INVALID_ARGUMENT", `not the address of a registry: ${text}`);
}

/** By its name alone: what a name server says of another name is not to be trusted with that. */
export function isLoopback(host: string): boolean {
  const { hostname } = urlOf(`http://${host}/`);
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  if (address === "localhost") return true;
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 4 ? "ipv4" : "ipv6");
}

function blocked(host: string, { source }: RegistriesConfiguration): MarmitaError {
  return new MarmitaError("NOT_FOUND", `registry ${host} is blocked`, {
    hint: `It is "blocked" in ${source}.`,
    details: { registry: host },
  });
}
