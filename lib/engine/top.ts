/** Which processes a container has: what `ps` says of them, as this machine counts. */
import { type ProcessTable, fullFormat, psTable } from "../runtime/process-table.ts";
import { listResidents } from "../runtime/processes.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import type { ContainerRecord } from "./records.ts";
import { runningProcess } from "./running.ts";

export interface TopOptions {
  /** Options of this machine's `ps`: `["-o", "pid,comm"]`. Default: what `ps -ef` shows. */
  readonly psArgs?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Throws `CONFLICT` when it does not run. */
export async function topOf(
  context: EngineContext,
  record: ContainerRecord,
  { psArgs = [], signal }: TopOptions,
): Promise<ProcessTable> {
  const { pid } = await runningProcess(context, record);
  const table =
    psArgs.length === 0
      ? fullFormat(listResidents(pid))
      : await psTable(psArgs, pidsOf(pid), signal);
  recordContainer(context, "top", { container: record });
  return table;
}

function pidsOf(first: number): ReadonlySet<number> {
  return new Set(listResidents(first).map(({ pid }) => pid));
}
