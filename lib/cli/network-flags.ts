/** The flags about a container's network, in Docker's grammar. */
import { isIP } from "node:net";
import type { ContainerOptions, NetworkMode } from "../engine/container-options.ts";
import { isNetworkMode } from "../engine/network-modes.ts";
import type { Isolation } from "../engine/options.ts";
import { MarmitaError } from "../errors.ts";
import { parseExtraHost } from "../runtime/extra-hosts.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { UsageError } from "./usage.ts";

export const NETWORK_FLAGS: readonly Flag[] = [
  {
    name: "add-host",
    value: "list",
    help: "Add a line to /etc/hosts ('NAME:ADDRESS', 'NAME:host-gateway')",
  },
  { name: "dns", value: "list", help: "Set name servers" },
  { name: "dns-option", also: "dns-opt", value: "list", help: "Set resolver options" },
  { name: "dns-search", value: "list", help: "Set DNS search domains ('.': none)" },
  { name: "hostname", short: "h", value: "string", help: "Container host name" },
  {
    name: "network",
    also: "net",
    value: "network",
    help:
      "Connect a container to a network\n" +
      '("private", "bridge", "none", "host",\n"container:NAME", "pasta", "slirp4netns")\n(default "private")',
  },
];

type NetworkOptions = Pick<
  ContainerOptions,
  "network" | "dns" | "dnsSearch" | "dnsOptions" | "extraHosts"
>;

/** Throws `UsageError`. */
export function networkOptions(flags: ParsedFlags): NetworkOptions {
  const network = networkOf(flags.last("network"));
  const lists = {
    dns: flags.map("dns", address),
    dnsSearch: flags.all("dns-search"),
    dnsOptions: flags.all("dns-option"),
    extraHosts: flags.map("add-host", (text) => {
      parseExtraHost(text); // told with the flag and the value
      return text;
    }),
  };
  const given = Object.entries(lists).filter(([, values]) => values.length > 0);
  return { ...(network === undefined ? {} : { network }), ...Object.fromEntries(given) };
}

function address(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new MarmitaError("INVALID_ARGUMENT", "expected an IP address");
}

/** Why a container has no network though nobody asked for none; `undefined` otherwise. */
export function networkWarning({ network, networkReason }: Isolation): string | undefined {
  if (network !== "none" || networkReason === undefined) return undefined;
  return `no network: ${networkReason} (--network none says nothing)`;
}

function networkOf(name: string | undefined): NetworkMode | undefined {
  if (name === undefined || name === "default") return undefined;
  if (name === "") throw new UsageError("no name set for network");
  if (name === "container:") throw new UsageError("--network: expected container:NAME");
  if (!isNetworkMode(name)) {
    const modes = "private, none, host, container:NAME";
    throw new UsageError(
      `network ${name} not found: there are no named networks yet, only ${modes}`,
      { form: "refusal" },
    );
  }
  return name;
}
