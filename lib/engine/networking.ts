/** A container's network: what was asked, and what was reached. */
import { parseExtraHost } from "../runtime/extra-hosts.ts";
import type { NetworkContext } from "../runtime/compile-context.ts";
import { type HostFiles, hostFiles } from "../runtime/host-files.ts";
import type { NetworkChoice } from "../runtime/network.ts";
import { helperCommand, subnetBeside } from "../runtime/network-helpers.ts";
import { hasIpv6, THIS_HOST } from "../runtime/network-host.ts";
import type { NetworkState } from "../runtime/network-state.ts";
import type { ContainerOptions, NetworkMode } from "./container-options.ts";
import type { Isolation } from "./options.ts";

/** As it was asked for. */
export interface Networking {
  /** `private` unless something else was asked for. */
  readonly mode: NetworkMode;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly extraHosts: readonly string[];
}

export function networkingOf(options: ContainerOptions): Networking {
  const { network = "private", dns = [], dnsSearch = [], dnsOptions = [] } = options;
  return { mode: network, dns, dnsSearch, dnsOptions, extraHosts: options.extraHosts ?? [] };
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
  const settings = {
    ipv6: hasIpv6(THIS_HOST),
    subnet: subnetBeside(THIS_HOST.addresses().map(({ address }) => address)),
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
