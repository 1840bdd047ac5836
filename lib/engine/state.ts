/** What state a container is in: derived from what is on disk, never stored. */
import { type NetworkState, parseNetworkState } from "../runtime/network-state.ts";
import type { HealthStatus } from "./health.ts";
import type { LiveContent } from "./live.ts";
import type { ExitRecord } from "./records.ts";

/**
 * `created`: never started, or its command could not be started. `running`: its keeper lives.
 * `paused`: the same, and its processes stand still. `restarting`: its process ended, and its keeper
 * will start it again. `exited`: its process ended.
 */
export type ContainerStatus = (typeof STATUSES)[number];

export const STATUSES = ["created", "running", "paused", "restarting", "exited"] as const;

/** Times are RFC 3339. */
export interface ContainerState {
  readonly status: ContainerStatus;
  /** Of its first process, as this machine counts; while it runs. */
  readonly pid?: number;
  readonly startedAt?: string;
  /** What connects its private network; while it runs. */
  readonly network?: NetworkState;
  /** What its health checks say; `unhealthy` when it does not run. Absent: it has none. */
  readonly health?: HealthStatus;
  readonly finishedAt?: string;
  /** After it ended, of its last run; also after it failed to start: 125, 126 or 127. */
  readonly exitCode?: number;
  /** Why it did not start. */
  readonly error?: string;
  /** How often its keeper started it again; absent: never. */
  readonly restartCount?: number;
  /** It ended because somebody wanted it to. */
  readonly stoppedByHand?: boolean;
}

/** What its files say: exit.json, and its file in live/ while somebody holds it. */
export interface Traces {
  readonly exit: ExitRecord | undefined;
  readonly live: LiveContent | undefined;
}

export function deriveState({ exit, live }: Traces): ContainerState {
  if (exit !== undefined) {
    return { status: exit.startedAt === undefined ? "created" : "exited", ...exit };
  }
  if (live?.startedAt === undefined) return { status: "created" };
  const { startedAt, pid, restartCount, exitCode, finishedAt } = live;
  const counted = restartCount === undefined ? {} : { restartCount };
  if (live.restarting === true) {
    return {
      status: "restarting",
      startedAt,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(finishedAt === undefined ? {} : { finishedAt }),
      ...counted,
    };
  }
  const network = parseNetworkState(live.network, live.networkLost);
  return {
    status: live.paused === true ? "paused" : "running",
    startedAt,
    ...(pid === undefined ? {} : { pid }),
    ...(network === undefined ? {} : { network }),
    ...counted,
  };
}

/** Whether it has a keeper that will see to it: what cannot be removed or started as it is. */
export function isAlive({ status }: ContainerState): boolean {
  return status === "running" || status === "paused" || status === "restarting";
}
