/** A fork that is started as soon as it is there: whatever dies in between, one with `remove` goes. */
import type { RunningProcess } from "../runtime/process.ts";
import { checkTerminalOptions } from "./checks.ts";
import type { EngineContext } from "./context.ts";
import { explained } from "./failures.ts";
import { forkContainer } from "./fork.ts";
import type { ForkOptions } from "./fork-options.ts";
import { reached } from "./networking.ts";
import type { Isolation, StartOptions } from "./options.ts";
import type { ContainerRecord } from "./records.ts";
import { startClaimed } from "./start.ts";

export interface ForkAndStart {
  readonly options: Omit<ForkOptions, "signal">;
  readonly start: StartOptions;
}

export interface StartedFork {
  readonly record: ContainerRecord;
  readonly process: RunningProcess;
  readonly isolation: Isolation;
}

/** The options are checked. */
export async function forkAndStart(
  context: EngineContext,
  source: Pick<ContainerRecord, "id" | "name" | "tty">,
  { options, start }: ForkAndStart,
): Promise<StartedFork> {
  const { signal } = start;
  checkTerminalOptions(options.tty ?? source.tty, start);
  const forking = forkContainer(context, source, {
    options: signal === undefined ? options : { ...options, signal },
    purpose: "start",
    start,
  });
  const { record, live } = await explained("fork the container", forking, signal);
  const process = await startClaimed(context, { record, live, options: start });
  return { record, process, isolation: reached(record.isolation, process.network) };
}
