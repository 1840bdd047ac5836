/** The command lines of the programs that connect a private network: pasta and slirp4netns. */
import type { Forwards } from "./resolv-conf.ts";
export type HelperName = "pasta" | "slirp4netns";

/** One that is installed. */
export interface HelperProgram {
  readonly name: HelperName;
  /** Its path. */
  readonly program: string;
}

export interface HelperSettings {
  /** Whether this machine has an IPv6 address that others know. */
  readonly ipv6: boolean;
  /** Of the container: `address`, in `network`/24, behind `gateway`. */
  readonly subnet: Subnet;
  /** Where the container looks for name servers of this machine: `forwardsIn` its resolv.conf. */
  readonly forwards: readonly string[];
  /** The container may talk to this machine's address: so it gets another one. */
  readonly reachesHost: boolean;
}

export interface Subnet {
  readonly network: string;
  readonly address: string;
  readonly gateway: string;
  /** slirp4netns answers there, pasta where it is told to. */
  readonly nameservers: Forwards;
}

/** slirp4netns' own choice, unless this machine lives there, as one in VirtualBox does. */
export function subnetBeside(addresses: readonly string[]): Subnet {
  const prefixes = ["10.0.2", "10.0.3", "10.0.4"];
  const free = prefixes.find((prefix) => !addresses.some((one) => one.startsWith(`${prefix}.`)));
  const prefix = free ?? "10.0.2";
  return {
    network: `${prefix}.0`,
    address: `${prefix}.100`,
    gateway: `${prefix}.2`,
    nameservers: { ipv4: `${prefix}.3`, ipv6: "fd00::3" },
  };
}

/** What the keeper gives it (native/init/network.h). */
const READY = "/proc/self/fd/0";
const NAMESPACE = "/proc/self/fd/1";
const INTERFACE = "eth0";

/**
 * passt(1), slirp4netns(1). Neither maps an address to this machine's loopback, nor a port from
 * or to it.
 */
export function helperCommand(
  { name, program }: HelperProgram,
  settings: HelperSettings,
): readonly string[] {
  return [program, ...(name === "pasta" ? pasta(settings) : slirp4netns(settings))];
}

function pasta({ subnet, reachesHost, forwards }: HelperSettings): readonly string[] {
  const { address, gateway } = subnet;
  return [
    "--foreground",
    "--quiet",
    "--config-net",
    // Id 0 of the namespace the keeper runs in, which is the caller; else it looks for `nobody`.
    "--runas=0:0",
    // What is sent there goes to this machine's first name server. Only where it is needed: pasta of
    // 2023 gives answers of that one as the forward's, to those who ask it directly.
    ...forwards.map((address) => `--dns-forward=${address}`),
    "--no-map-gw",
    "--tcp-ports=none",
    "--udp-ports=none",
    "--tcp-ns=none",
    "--udp-ns=none",
    // The container has this machine's address, and so cannot reach it there, unless told so.
    ...(reachesHost ? [`--address=${address}`, "--netmask=24", `--gateway=${gateway}`] : []),
    `--ns-ifname=${INTERFACE}`,
    "--no-netns-quit",
    `--pid=${READY}`,
    `--netns=${NAMESPACE}`,
  ];
}

function slirp4netns({ ipv6, subnet }: HelperSettings): readonly string[] {
  return [
    "--configure",
    "--mtu=65520",
    "--disable-host-loopback",
    "--enable-sandbox",
    "--enable-seccomp",
    ...(ipv6 ? ["--enable-ipv6"] : []),
    `--cidr=${subnet.network}/24`,
    "--netns-type=path",
    "--ready-fd=0",
    NAMESPACE,
    INTERFACE,
  ];
}
