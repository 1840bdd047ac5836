/** `marmita-runtime ps`. */
import { listProcesses } from "../bundles/ps.ts";
import { print } from "../cli/output.ts";
import { formatTable } from "../cli/table.ts";
import { visible } from "../cli/visible.ts";
import { fullFormat, psTable } from "../runtime/process-table.ts";
import { readProcessStat } from "../runtime/processes.ts";
import { readFormat, TABLE_FORMAT } from "./format.ts";
import type { RuntimeCommand } from "./command.ts";

export const ps: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER [PS OPTIONS]",
  about: [
    "The table has the columns of `ps -ef`. With options it is that of this machine's ps, and " +
      "they must leave the column PID in it.",
  ],
  arguments: { min: 1 },
  flags: [TABLE_FORMAT],
  refused: {},
  stopsAtFirstArgument: true,
  async run({ flags, args: [id = "", ...options], global: { root } }) {
    const format = readFormat(flags);
    const pids = await listProcesses(id, { root });
    if (format === "json") {
      print(`${JSON.stringify(pids)}\n`);
      return 0;
    }
    const { titles, processes } =
      options.length === 0 ? fullFormat(statsOf(pids)) : await psTable(options, new Set(pids));
    print(formatTable(titles, processes.map(row)));
    return 0;
  },
};

/** Without those that have gone meanwhile. */
function statsOf(pids: readonly number[]) {
  return pids.map(readProcessStat).filter((stat) => stat !== undefined);
}

/** A process calls itself what it likes. */
function row(cells: readonly string[]): readonly string[] {
  return cells.map((cell) => visible(cell).replaceAll(/[\t\n]/g, " "));
}
