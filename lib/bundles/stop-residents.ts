/** All processes of a container stopped, and continued, by signals: where there is no freezer. */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { MarmitaError } from "../errors.ts";
import { readProcessStat } from "../runtime/processes.ts";
import { writeAtomic } from "../store/atomic.ts";
import { isMissing } from "../util/system-error.ts";
import { sendTo } from "./kill.ts";
import type { Resident } from "./residents.ts";

/** Whom to stop, and the note that says that they are stopped. */
export interface Stoppable {
  /** As of now, parents before their children. */
  readonly list: () => readonly Resident[];
  readonly note: string;
}

const LONGEST_STOP_MS = 10_000;
const STILL = "TtZX";

/**
 * Resolves when all stand still, also those that were made meanwhile. The note is there before the
 * first is stopped: whoever comes after a crash continues them. Throws `UNAVAILABLE` when one goes on
 * for 10 s, and what kill(2) says of those that are not ours; then none is stopped.
 */
export async function stopResidents(stoppable: Stoppable): Promise<void> {
  const { list, note } = stoppable;
  const before = list().filter(isStill).map(wordOf);
  await writeAtomic(note, before.join("\n"), { durable: false, mode: 0o600 });
  try {
    await stopAll(list);
  } catch (error) {
    await continueResidents(stoppable);
    throw error;
  }
}

async function stopAll(list: Stoppable["list"]): Promise<void> {
  const deadline = performance.now() + LONGEST_STOP_MS;
  for (;;) {
    const running = list().filter((one) => !isStill(one));
    if (running.length === 0) return;
    if (performance.now() > deadline) throw stuck(running);
    for (const one of running) sendTo(one, constants.signals.SIGSTOP);
    await delay(1);
  }
}

/** Those that stood still before go on standing still. Without a note there is nothing to do. */
export async function continueResidents({ list, note }: Stoppable): Promise<void> {
  const text = readNote(note);
  if (text === undefined) return;
  const before = new Set(text.split("\n"));
  const stopped = list().filter((one) => isStill(one) && !before.has(wordOf(one)));
  // Children first: a shell with job control sees nothing of it.
  for (const one of stopped.toReversed()) sendTo(one, constants.signals.SIGCONT);
  await rm(note, { force: true });
}

function readNote(note: string): string | undefined {
  try {
    return readFileSync(note, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Also of one that is no more. */
function isStill({ pid, startTicks }: Resident): boolean {
  const stat = readProcessStat(pid);
  return stat?.startTicks !== startTicks || STILL.includes(stat.state);
}

/** Told from the next bearer of its number. */
function wordOf({ pid, startTicks }: Resident): string {
  return `${pid} ${startTicks}`;
}

function stuck(residents: readonly Resident[]): MarmitaError {
  const processes = residents.map(({ pid }) => pid);
  const seconds = LONGEST_STOP_MS / 1_000;
  const message = `processes ${processes.join(", ")} do not stop within ${seconds} s`;
  return new MarmitaError("UNAVAILABLE", message, {
    hint: "they wait in the kernel, as for a disk or a network server",
    details: { processes },
  });
}
