/** What connects a running container's network, as its keeper tells. */
import { channel } from "node:diagnostics_channel";
import type { HelperName } from "./network-helpers.ts";

export interface NetworkState {
  /** The program in use; absent: there is none. */
  readonly helper?: HelperName;
  /** Why there is none, or not the first choice. */
  readonly reason?: string;
}

/** Published when the helper ends before its container, which goes on without a network. */
export interface NetworkLoss {
  /** The container's name. */
  readonly container: string;
  /** `pasta was killed by signal 9` */
  readonly reason: string;
}

/** The name of a channel (node:diagnostics_channel) of `NetworkLoss`. */
export const NETWORK_LOST = "marmita:network-lost";

const LOST = channel(NETWORK_LOST);

/** `undefined` for a container whose network needs no helper. */
export function parseNetworkState(
  network: unknown,
  networkLost: unknown,
): NetworkState | undefined {
  if (typeof network !== "string") return undefined;
  return {
    ...(network === "pasta" || network === "slirp4netns" ? { helper: network } : {}),
    ...(typeof networkLost === "string" ? { reason: networkLost } : {}),
  };
}

export function publishLoss(loss: NetworkLoss): void {
  LOST.publish(loss);
}
