/** Removes a container: its process first where that is asked for, then its files and its name. */
import { MarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { endKeeper, killKeeper } from "./keepers.ts";
import { type Live, type LiveContent, claimLive, lookAtLive, takeOver } from "./live.ts";
import { type ContainerRecord, findExit, findRecord } from "./records.ts";
import { heldSnapshots } from "./settle-fork.ts";
import { deriveState } from "./state.ts";
import { type Belongings, belongingsOf, discard, endProcess } from "./sweep.ts";

export interface RemoveOptions {
  /** Kill it when it runs; without, that is refused with `CONFLICT`. */
  readonly force?: boolean;
  /** With the anonymous volumes that no other container has; named ones stay. */
  readonly volumes?: boolean;
  readonly signal?: AbortSignal;
}

/** A keeper that was told to end and has not by then hangs. */
const LONGEST_TIDYING_MS = 10_000;

/** Removing what is not there any more is fine. */
export async function removeContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: RemoveOptions = {},
): Promise<void> {
  const { id } = record;
  const volumes = record.remove || options.volumes === true;
  const belongings = belongingsOf(record, { volumes });
  const live = await claim(context, record, { ...options, belongings });
  try {
    if ((await findRecord(context.paths, id)) === undefined) return live.finish();
    // Forks that were made of it since it was looked up.
    const snapshots = await heldSnapshots(context.paths, id);
    await discard(context, id, { ...belongings, snapshots });
  } catch (error) {
    live.close(); // the next sweep goes on from here
    throw error;
  }
  recordContainer(context, "destroy", { container: record });
  live.finish();
}

async function claim(
  context: EngineContext,
  { id, name }: ContainerRecord,
  { force = false, signal, belongings }: RemoveOptions & { readonly belongings: Belongings },
): Promise<Live> {
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_TIDYING_MS;
  for (;;) {
    throwIfAborted(signal);
    const live = claimLive(context.paths, id, { purpose: "remove", ...belongings });
    if (live !== undefined) return live;
    const left = takeOver(context.paths, id);
    if (left !== undefined) {
      await endProcess(left.content);
      return taken(left, belongings);
    }
    const content = lookAtLive(context.paths, id)?.content;
    if (content === undefined) continue;
    if (content.purpose === "hold") throw isHeldFor(id, name);
    const isOver = (await findExit(context.paths, id)) !== undefined; // it is tidied up, then
    if (content.startedAt !== undefined && !isOver && !force) throw stillRuns(id, name, content);
    endKeeper(content); // it puts away what there is, then
    await endProcess(content);
    if (performance.now() > deadline) killKeeper(content);
    await patience.wait(signal);
  }
}

/** From here on it is to be removed, should we be killed: for the sweep. */
function taken(left: Live, belongings: Belongings): Live {
  try {
    left.write({ purpose: "remove", ...belongings });
  } catch {
    // On a full disk it is said nowhere; removing is what would help.
  }
  return left;
}

function isHeldFor(id: string, name: string): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is a snapshot that somebody has open`, {
    hint: "It goes when that is disposed of, or with the process that has it.",
    details: { container: id, state: "created" },
  });
}

function stillRuns(id: string, name: string, live: LiveContent): MarmitaError {
  const { status } = deriveState({ exit: undefined, live });
  return new MarmitaError("CONFLICT", `container ${name} is ${status}: it cannot be removed`, {
    hint: "Stop it first, or remove it by force: rm -f, or the option force.",
    details: { container: id, state: status },
  });
}
