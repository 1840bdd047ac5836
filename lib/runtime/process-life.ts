/** What is known of a container's process from what its keeper tells, up to its end. */
import { constants } from "node:os";
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure } from "../native/helper.ts";
import { type NetworkState, parseNetworkState, publishLoss } from "./network-state.ts";
import { signalName } from "./signals.ts";

/** How a container's process ended. */
export interface ExitStatus {
  /** As a shell has it: 128 + n after signal n. */
  readonly exitCode: number;
  /** `SIGKILL`, … when a signal ended the process, else `null`. */
  readonly signal: NodeJS.Signals | null;
}

const KILLED: ExitStatus = { exitCode: 128 + constants.signals.SIGKILL, signal: "SIGKILL" };

export interface LifeOptions {
  readonly detach?: boolean | undefined;
  readonly relay?: boolean | undefined;
  readonly stopSignal?: number | undefined;
}

export interface Connected {
  readonly container: string;
  /** Changes when the network's helper ends. */
  state: NetworkState | undefined;
}

/** What is known of a process from what its keeper tells. */
export class Life {
  /** Another one when it was started again. */
  pid: number;
  readonly connected: Connected;
  /** It lives on without us. */
  isDetached: boolean;
  /** We do not listen any more. */
  isForgotten = false;
  /** Fulfilled when its keeper has agreed to that. */
  readonly detached: Promise<void>;
  agree = (): void => undefined;
  /** Its streams are its keeper's, which others may have as well. */
  readonly isRelayed: boolean;
  /** Signals after which its keeper does not start it again. */
  readonly endings: readonly number[];

  constructor(pid: number, connected: Connected, options: LifeOptions) {
    const { detach, relay, stopSignal } = options;
    const { SIGKILL, SIGTERM, SIGINT, SIGQUIT } = constants.signals;
    this.pid = pid;
    this.connected = connected;
    this.isDetached = detach === true;
    this.isRelayed = relay === true;
    this.endings = [SIGKILL, SIGTERM, SIGINT, SIGQUIT, stopSignal ?? SIGTERM];
    this.detached = new Promise((resolve) => (this.agree = resolve));
  }
}

export async function watch(
  events: AsyncIterator<HelperEvent>,
  life: Life,
  onLost: () => Promise<void>,
): Promise<ExitStatus> {
  const { connected } = life;
  let status: ExitStatus | undefined;
  let failure: HelperFailure | undefined;
  for (let event = await next(events); event !== undefined; event = await next(events)) {
    if (event.event === "exited") status = exitStatus(event);
    if (event.event === "detached") life.agree();
    if (event.event === "started") {
      life.pid = numberOf(event, "pid");
      connected.state = networkOf(event);
    }
    if (event.event === "network") {
      connected.state = networkOf(event);
      publishLoss({ container: connected.container, reason: connected.state?.reason ?? "" });
    }
    if (event.event === "failed") failure = new HelperFailure(event);
  }
  if (status !== undefined) return status;
  if (life.isForgotten) throw forgotten(connected.container);
  await onLost();
  if (failure === undefined) return KILLED;
  const { message, step, errno } = failure;
  throw new MarmitaError("UNAVAILABLE", message, { step, errno, cause: failure });
}

function forgotten(container: string): MarmitaError {
  return new MarmitaError("CLOSED", `container ${container} was let go of before it ended`);
}

function exitStatus(event: HelperEvent): ExitStatus {
  const signal = signalName(numberOf(event, "signal"));
  return { exitCode: numberOf(event, "exitCode"), signal };
}

export function numberOf(event: HelperEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}

/** `undefined` when the keeper has ended. */
export async function next(events: AsyncIterator<HelperEvent>): Promise<HelperEvent | undefined> {
  const result = await events.next();
  return result.done === true ? undefined : result.value;
}

export function networkOf({ network, networkLost }: HelperEvent): NetworkState | undefined {
  return parseNetworkState(network, networkLost);
}
