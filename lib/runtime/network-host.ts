/** What this machine says of its network: addresses, name servers, who may ping. */
import { accessSync, constants, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { errnoOf } from "../util/system-error.ts";
import { findProgram } from "./id-maps.ts";

/** How this machine is looked at. Tests hand in their own. */
export interface NetworkHost {
  /** The path of a program on PATH. */
  find(program: string): Promise<string | undefined>;
  /** `undefined` for a file that cannot be read. */
  read(path: string): string | undefined;
  /** The name of the errno, or `undefined` when it can be opened for reading and writing. */
  whyClosed(path: string): string | undefined;
  /** Each address that is not of loopback, with its interface. */
  addresses(): readonly HostAddress[];
  readonly gid: number;
}

export interface HostAddress {
  readonly interface: string;
  readonly family: "IPv4" | "IPv6";
  readonly address: string;
}

/** The address others know this machine by: of the interface of its default route, IPv4 first. */
export function mainAddress(host: NetworkHost): string | undefined {
  const found = host.addresses().filter(({ address }) => !/^fe80:/i.test(address));
  const name = defaultInterface(host.read("/proc/net/route") ?? "");
  const ranked = [
    ...found.filter((one) => one.interface === name && one.family === "IPv4"),
    ...found.filter((one) => one.family === "IPv4"),
    ...found,
  ];
  return ranked[0]?.address;
}

/** /proc/net/route: a line for each route; destination and mask in hexadecimal digits. */
function defaultInterface(routes: string): string | undefined {
  return routes
    .split("\n")
    .map((line) => line.split("\t"))
    .find((fields) => fields[1] === "00000000" && fields[7] === "00000000")?.[0];
}

/** Whether it has an IPv6 address that reaches beyond its own link. */
export function hasIpv6(host: NetworkHost): boolean {
  return host.addresses().some(({ family, address }) => {
    return family === "IPv6" && !/^fe80:/i.test(address);
  });
}

const PING = "net.ipv4.ping_group_range";

/**
 * Why nobody in a container with a private network gets an answer to a ping: its helper sends it
 * as a datagram (icmp(7)), which the kernel allows to some groups. `undefined` where it does.
 */
export function whyNoPing(host: NetworkHost): string | undefined {
  const text = host.read(`/proc/sys/${PING.replaceAll(".", "/")}`);
  const [first = 1, last = 0] = (text ?? "").trim().split(/\s+/).map(Number);
  if (text === undefined || (host.gid >= first && host.gid <= last)) return undefined;
  return (
    `ping reaches nobody: ${PING} is "${first} ${last}" on this machine, without group ` +
    `${host.gid}; as root: sysctl -w ${PING}="0 2147483647"`
  );
}

/** Not that there is none, but that it cannot be told now: it would go wrong without a word. */
function isScarcity(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM", "EIO"].includes(errnoOf(error) ?? "");
}

/** Opens a socket, too; what keeps it from that is an errno in Node's `info` (os.networkInterfaces). */
function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch (cause) {
    const info: unknown = typeof cause === "object" && cause && Reflect.get(cause, "info");
    const code: unknown = typeof info === "object" && info && Reflect.get(info, "code");
    throw Object.assign(new Error("list the network interfaces", { cause }), { code });
  }
}

export const THIS_HOST: NetworkHost = {
  find: findProgram,
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (isScarcity(error)) throw error;
      return undefined;
    }
  },
  whyClosed(path) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code ?? String(error);
    }
  },
  addresses() {
    return Object.entries(interfaces()).flatMap(([name, addresses = []]) => {
      const outside = addresses.filter(({ internal }) => !internal);
      return outside.map(({ family, address }) => ({ interface: name, family, address }));
    });
  },
  gid: process.getegid?.() ?? 0,
};
