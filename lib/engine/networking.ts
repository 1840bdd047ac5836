/** A container's network: what was asked, and what was reached. */
import { MarmitaError } from "../errors.ts";
import { parseExtraHost } from "../runtime/extra-hosts.ts";
import type { NetworkContext } from "../runtime/compile-context.ts";
import { type HostFiles, hostFiles } from "../runtime/host-files.ts";
import {
  chooseNetwork,
  type NetworkChoice,
  networkOf,
  type OwnNetworkMode,
} from "../runtime/network.ts";
import { helperCommand, subnetBeside } from "../runtime/network-helpers.ts";
import { hasIpv6, THIS_HOST } from "../runtime/network-host.ts";
import type { NetworkState } from "../runtime/network-state.ts";
import { forwardsIn } from "../runtime/resolv-conf.ts";
import type { ContainerOptions } from "./container-options.ts";
import { containerIn, type JoinedContainer } from "./joins.ts";
import type { Isolation } from "./options.ts";

/**
 * What Docker refuses, too: a container that shares another's network has its names. Throws
 * `INVALID_ARGUMENT`.
 */
export function checkSharedNetwork(options: ContainerOptions): void {
  if (containerIn(options.network) === undefined) return;
  const { hostname, dns, dnsSearch, dnsOptions, extraHosts } = options;
  const given = { hostname, dns, dnsSearch, dnsOptions, extraHosts };
  const found = Object.entries(given).find(([, value]) => value !== undefined && value.length > 0);
  if (found === undefined) return;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `conflicting options: "${found[0]}" and "network": "${options.network}"`,
    { hint: "It has that container's.", details: { option: found[0] } },
  );
}

/** The container whose network it shares, or its own choice. */
export async function chooseNetworkOf(
  { network }: ContainerOptions,
  joins: readonly JoinedContainer[],
): Promise<NetworkChoice> {
  const other = joins.find(({ namespaces }) => namespaces.includes("network"));
  if (other !== undefined) return networkOf(other.record.id);
  return chooseNetwork(network as OwnNetworkMode | undefined); // the rest has no join
}

export interface NetworkNames {
  readonly hostname: string;
  readonly name: string;
}

export interface DescribedNetwork {
  readonly files: HostFiles;
  /** For the plan; absent where nobody is to connect it. */
  readonly context: NetworkContext | undefined;
}

/** Throws `UNSUPPORTED` where `host-gateway` cannot be had. */
export function describeNetwork(
  choice: NetworkChoice,
  options: ContainerOptions,
  { hostname, name }: NetworkNames,
): DescribedNetwork {
  const { level, helpers, isRequired } = choice;
  const extraHosts = (options.extraHosts ?? []).map(parseExtraHost);
  const files = hostFiles({ network: level, hostname, name, resolver: options, extraHosts });
  if (level !== "private") return { files, context: undefined };
  const subnet = subnetBeside(THIS_HOST.addresses().map(({ address }) => address));
  const settings = {
    ipv6: hasIpv6(THIS_HOST),
    subnet,
    forwards: forwardsIn(files.resolvConf, subnet.nameservers),
    reachesHost: extraHosts.some(({ address }) => address === "host-gateway"),
  };
  const commands = helpers.map((helper) => {
    return { name: helper.name, command: helperCommand(helper, settings) };
  });
  const { otherHosts, ownNames } = files;
  return { files, context: { helpers: commands, isRequired, otherHosts, ownNames } };
}

/** What a container has that was made with `isolation`, once its process runs. */
export function reached(isolation: Isolation, state: NetworkState | undefined): Isolation {
  if (state === undefined) return isolation;
  const { networkHelper: _, networkReason: __, ...rest } = isolation;
  const { helper, reason } = state;
  return {
    ...rest,
    network: helper === undefined ? "none" : "private",
    ...(helper === undefined ? {} : { networkHelper: helper }),
    ...(reason === undefined ? {} : { networkReason: reason }),
  };
}
