/** The keeper of a container that runs: found, spoken to, ended. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ConnectOptions,
  type KeeperConnection,
  connectKeeper,
} from "../runtime/keeper-socket.ts";
import type { Paths } from "../store/paths.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf } from "../util/system-error.ts";
import { MarmitaError } from "../errors.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { type LiveContent, lookAtLive } from "./live.ts";
import { type ContainerRecord, findExit, findRecord } from "./records.ts";
import { findRunning } from "./running.ts";
import { sweepOne } from "./sweep.ts";

type Named = Pick<ContainerRecord, "id" | "name">;

/**
 * What the keeper of a container that runs says of it, also between two runs; `undefined` when it
 * does not run: then nothing holds up whoever wants to start it. While a keeper tidies up after the
 * end, that is waited for. Throws `NOT_FOUND` when the container was removed.
 */
export async function keeperOf(
  context: EngineContext,
  { id, name }: Named,
  signal?: AbortSignal,
): Promise<LiveContent | undefined> {
  const { paths } = context;
  const patience = new Patience();
  for (;;) {
    const live = lookAtLive(paths, id);
    if (live?.isHeld !== true) {
      if (live !== undefined) await sweepOne(context, id).catch(() => undefined); // the next one's
      if ((await findRecord(paths, id)) === undefined) throw noSuchContainer(name);
      return undefined;
    }
    const { content } = live;
    if (content.startedAt === undefined) {
      if ((await findRecord(paths, id)) === undefined) throw noSuchContainer(name);
      return undefined; // it is being made, started or removed
    }
    if (!(await isOver(paths, id, content))) return content;
    await patience.wait(signal);
  }
}

async function isOver(paths: Paths, id: string, content: LiveContent): Promise<boolean> {
  if (content.restarting === true) return false;
  return content.finishedAt !== undefined || (await findExit(paths, id)) !== undefined;
}

/** `undefined` when it does not listen: it has ended just now, or could not make its socket. */
export function speakToKeeper(
  { paths }: Pick<EngineContext, "paths">,
  { id }: Pick<ContainerRecord, "id">,
  options: ConnectOptions = {},
): Promise<KeeperConnection | undefined> {
  return connectKeeper(join(paths.container(id), "socket"), options);
}

/** To the container's first process, without its keeper. To one that has ended nothing happens. */
export function signalFirst(context: EngineContext, container: Named, number: number): void {
  const first = findRunning(context, container);
  if (first !== undefined) send(first.pid, number);
}

/** The container is killed, whatever its policy, and put away by its keeper, which then ends. */
export function endKeeper(content: LiveContent): void {
  signalKeeper(content, "SIGTERM");
  signalKeeper(content, "SIGCONT"); // should somebody have stopped it
}

/** For one that does not hear: its container dies with it, and the next sweep puts away the rest. */
export function killKeeper(content: LiveContent): void {
  signalKeeper(content, "SIGKILL");
}

function signalKeeper({ keeper }: LiveContent, signal: NodeJS.Signals): void {
  if (keeper !== undefined && isKeeper(keeper)) send(keeper, signal);
}

/** It may have ended, and its number be another's. */
function isKeeper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "marmita-keeper\n";
  } catch {
    return false;
  }
}

function send(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

export function notRunning({ id, name }: Named, state: string): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is not running`, {
    details: { container: id, state },
  });
}
