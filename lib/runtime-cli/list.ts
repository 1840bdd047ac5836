/** `marmita-runtime list`. */
import { type ContainerState, listStates } from "../bundles/state.ts";
import { print } from "../cli/output.ts";
import { formatTable } from "../cli/table.ts";
import { visible } from "../cli/visible.ts";
import { readFormat, TABLE_FORMAT } from "./format.ts";
import type { RuntimeCommand } from "./command.ts";
import { stateObject } from "./state.ts";

/** Of a column: runc's. */
const MIN_WIDTH = 12;

export const list: RuntimeCommand = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [TABLE_FORMAT, { name: "quiet", short: "q", help: "Print ids only" }],
  refused: {},
  async run({ flags, global: { root, log } }) {
    const format = readFormat(flags);
    const found = await listStates({ root, onWarning: (text) => log.warn(text) });
    if (flags.has("quiet")) print(found.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") print(`${JSON.stringify(found.map(stateObject))}\n`);
    else print(visible(formatTable(HEADINGS, found.map(row), MIN_WIDTH)));
    return 0;
  },
};

const HEADINGS = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

function row({ id, pid, status, bundle, created, owner }: ContainerState): readonly string[] {
  return [id, String(pid), status, bundle.replaceAll("\n", "\\n"), created, owner];
}
