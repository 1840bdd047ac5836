/** A container's network as it was asked for. */
import type { NetworkLevel } from "../runtime/network.ts";
import type { ContainerOptions, NetworkMode } from "./container-options.ts";

/** As a record has it. */
export interface Networking {
  /** `private` unless something else was asked for. */
  readonly mode: NetworkMode;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly extraHosts: readonly string[];
}

const MODES: readonly unknown[] = ["private", "bridge", "none", "host", "pasta", "slirp4netns"];

export function isNetworkMode(value: unknown): value is NetworkMode {
  return MODES.includes(value) || (typeof value === "string" && /^container:./.test(value));
}

/** The level a record may name. */
export function isNetworkLevel(value: unknown): value is NetworkLevel {
  return isNetworkMode(value) && /^(?:private$|none$|host$|container:)/.test(value);
}

export function networkingOf(options: ContainerOptions, level: NetworkLevel): Networking {
  const { network = "private", dns = [], dnsSearch = [], dnsOptions = [] } = options;
  const mode = level.startsWith("container:") ? (level as NetworkMode) : network;
  return { mode, dns, dnsSearch, dnsOptions, extraHosts: options.extraHosts ?? [] };
}
