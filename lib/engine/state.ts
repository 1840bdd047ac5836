/** What state a container is in: derived from what is on disk, never stored. */
import { type NetworkState, parseNetworkState } from "../runtime/network-state.ts";
import type { LiveContent } from "./live.ts";
import type { ExitRecord } from "./records.ts";

/**
 * `created`: never started, or its command could not be started. `running`: its keeper lives.
 * `exited`: its process ended.
 */
export type ContainerStatus = (typeof STATUSES)[number];

export const STATUSES = ["created", "running", "exited"] as const;

/** Times are RFC 3339. */
export interface ContainerState {
  readonly status: ContainerStatus;
  /** Of its first process, as this machine counts; while it runs. */
  readonly pid?: number;
  readonly startedAt?: string;
  /** What connects its private network; while it runs. */
  readonly network?: NetworkState;
  readonly finishedAt?: string;
  /** After it ended; also after it failed to start: 125, 126 or 127. */
  readonly exitCode?: number;
  /** Why it did not start. */
  readonly error?: string;
}

/** What its files say: exit.json, and its file in live/ while somebody holds it. */
export interface Traces {
  readonly exit: ExitRecord | undefined;
  readonly live: Pick<LiveContent, "pid" | "startedAt" | "network" | "networkLost"> | undefined;
}

export function deriveState({ exit, live }: Traces): ContainerState {
  if (exit !== undefined) {
    return { status: exit.startedAt === undefined ? "created" : "exited", ...exit };
  }
  if (live?.startedAt === undefined) return { status: "created" };
  const { startedAt, pid } = live;
  const network = parseNetworkState(live.network, live.networkLost);
  return {
    status: "running",
    startedAt,
    ...(pid === undefined ? {} : { pid }),
    ...(network === undefined ? {} : { network }),
  };
}
