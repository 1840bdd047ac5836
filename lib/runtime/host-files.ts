/** What a container reads as /etc/hosts, /etc/hostname and /etc/resolv.conf. */
import { MarmitaError } from "../errors.ts";
import { type ExtraHost, HOST_GATEWAY } from "./extra-hosts.ts";
import { mainAddress, type NetworkHost, THIS_HOST } from "./network-host.ts";
import type { NetworkLevel } from "./network.ts";
import { subnetBeside } from "./network-helpers.ts";
import {
  formatResolvConf,
  parseResolvConf,
  reachableNameservers,
  type ResolverRequest,
  type ResolverSettings,
  withRequest,
} from "./resolv-conf.ts";

export interface HostFiles {
  /** With a line for the container itself. */
  readonly hosts: string;
  /** The same without that line, where the keeper writes it: it is told the address. */
  readonly otherHosts: string;
  /** What stands behind the address in the container's own line. */
  readonly ownNames: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface HostFilesInput {
  readonly network: NetworkLevel;
  readonly hostname: string;
  /** The container's name, by which it finds itself too. */
  readonly name?: string | undefined;
  readonly resolver?: ResolverRequest | undefined;
  readonly extraHosts?: readonly ExtraHost[] | undefined;
}

/** moby, daemon/libnetwork/etchosts/etchosts.go. */
const LOCAL_HOSTS = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/**
 * With network `host` the files of this machine, with `none` what holds where nobody can be
 * reached. Throws `UNSUPPORTED` for `host-gateway` where there is no way to this machine.
 */
export function hostFiles(input: HostFilesInput, host: NetworkHost = THIS_HOST): HostFiles {
  const { network, hostname, name } = input;
  const lines = hostLines(input, host);
  const machine = network === "host" ? host.read("/etc/hosts") : undefined;
  const otherHosts = [...(machine?.replace(/\n$/, "").split("\n") ?? LOCAL_HOSTS), ...lines, ""];
  const ownNames = name === undefined || name === hostname ? hostname : `${hostname} ${name}`;
  // The container's own name is found too, or sudo and others wait for a name server.
  const own = machine === undefined ? `127.0.1.1\t${ownNames}\n` : "";
  const other = otherHosts.join("\n");
  return {
    hosts: `${other}${own}`,
    otherHosts: other,
    ownNames,
    hostname: `${hostname}\n`,
    resolvConf: resolvConf(input, host),
  };
}

function hostLines({ network, extraHosts = [] }: HostFilesInput, host: NetworkHost): string[] {
  return extraHosts.map(({ name, address }) => {
    return `${address === HOST_GATEWAY ? gateway(network, host) : address}\t${name}`;
  });
}

/** Where this machine's services answer that listen on its address, not on loopback only. */
function gateway(network: NetworkLevel, host: NetworkHost): string {
  if (network === "host") return "127.0.0.1";
  const address = network === "private" ? mainAddress(host) : undefined;
  if (address !== undefined) return address;
  const why =
    network === "private" ? "this machine has no address" : `network "${network}" has none`;
  throw new MarmitaError("UNSUPPORTED", `${HOST_GATEWAY} cannot be resolved: ${why}`, {
    details: { option: "extraHosts", value: HOST_GATEWAY },
  });
}

function resolvConf({ network, resolver = {} }: HostFilesInput, host: NetworkHost): string {
  const text = network === "none" ? "" : (host.read("/etc/resolv.conf") ?? "");
  const { dns = [], dnsSearch = [], dnsOptions = [] } = resolver;
  const isAsked = dns.length + dnsSearch.length + dnsOptions.length > 0;
  if (network === "host" && !isAsked) return text;
  const settings = parseResolvConf(text);
  const base = network === "private" ? reachable(settings, host) : settings;
  return formatResolvConf(withRequest(base, resolver));
}

function reachable(settings: ResolverSettings, host: NetworkHost): ResolverSettings {
  const own = host.addresses().map(({ address }) => address);
  const forwards = subnetBeside(own).nameservers;
  return { ...settings, nameservers: reachableNameservers(settings.nameservers, own, forwards) };
}
