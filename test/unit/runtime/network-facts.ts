/** A machine's network as tests make it up. */
import type { NetworkHost } from "../../../lib/runtime/network-host.ts";

export interface Facts {
  readonly programs?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** The errno with which /dev/net/tun cannot be opened. */
  readonly closed?: string;
  /** `eth0 192.0.2.7` */
  readonly addresses?: readonly string[];
}

/** Everyone may ping unless its files say otherwise. */
export function machine(facts: Facts = {}): NetworkHost {
  const { programs = [], closed, addresses = ["eth0 192.0.2.7"] } = facts;
  const files: Readonly<Record<string, string>> = {
    "/proc/sys/net/ipv4/ping_group_range": "0\t2147483647\n",
    ...facts.files,
  };
  return {
    find: async (name) => (programs.includes(name) ? `/usr/bin/${name}` : undefined),
    read: (path) => files[path],
    whyClosed: (path) => (path === "/dev/net/tun" ? closed : undefined),
    addresses: () =>
      addresses.map((line) => {
        const [name = "", address = ""] = line.split(" ");
        return { interface: name, family: address.includes(":") ? "IPv6" : "IPv4", address };
      }),
    gid: 1000,
  };
}
