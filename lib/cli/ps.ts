/** `marmita ps`. */
import type { ContainerSummary } from "../engine/containers.ts";
import type { ContainerState } from "../engine/state.ts";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { print } from "./output.ts";
import { formatTable, truncate } from "./table.ts";
import { formatAgo, formatDuration } from "./units.ts";
import { visible } from "./visible.ts";

const SHORT_ID = 12;
const SHORT_COMMAND = 20;
const HEADINGS = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];

export const ps: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "all", short: "a", help: "Show all containers (default shows just running)" },
    {
      name: "last",
      short: "n",
      value: "int",
      help: "Show n last created containers (includes all states) (default -1)",
    },
    {
      name: "latest",
      short: "l",
      help: "Show the latest created container (includes all states)",
    },
    { name: "no-trunc", help: "Don't truncate output" },
    { name: "quiet", short: "q", help: "Only display container IDs" },
  ],
  refused: {
    switches: "size|s external noheading ns pod|p sync",
    values: "filter|f format sort watch|w",
  },
  async run({ flags, engine: options }) {
    const choice = chosen(flags);
    await using engine = await openCliEngine(options);
    const list = choose(await engine.containers.list(), choice);
    const noTrunc = flags.has("no-trunc");
    if (flags.has("quiet")) {
      print(list.map(({ id }) => `${noTrunc ? id : id.slice(0, SHORT_ID)}\n`).join(""));
    } else {
      print(formatContainers(list, { noTrunc, now: new Date() }));
    }
    return 0;
  },
};

export interface Choice {
  readonly all: boolean;
  /** The newest so many, in whatever state; none or less is no limit. */
  readonly last: number;
}

function chosen(flags: ParsedFlags): Choice {
  const last = flags.map("last", parseCount).at(-1) ?? -1;
  return { all: flags.has("all"), last: flags.has("latest") && last < 1 ? 1 : last };
}

function parseCount(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number");
}

/** Of a list that begins with the newest. */
export function choose(
  list: readonly ContainerSummary[],
  { all, last }: Choice,
): readonly ContainerSummary[] {
  if (last > 0) return list.slice(0, last);
  return all ? list : list.filter(({ state }) => state.status === "running");
}

export interface FormatOptions {
  readonly noTrunc: boolean;
  readonly now: Date;
}

export function formatContainers(
  list: readonly ContainerSummary[],
  { noTrunc, now }: FormatOptions,
): string {
  const rows = list.map((container) => {
    const command = commandText(container.command);
    return [
      noTrunc ? container.id : container.id.slice(0, SHORT_ID),
      container.image.name,
      visible(JSON.stringify(noTrunc ? command : truncate(command, SHORT_COMMAND))),
      formatAgo(container.createdAt, now),
      formatStatus(container.state, now),
      "",
      container.name,
    ];
  });
  return formatTable(HEADINGS, rows);
}

/** As Docker has it: of the arguments, those with blanks in quotes. */
function commandText([program = "", ...args]: readonly string[]): string {
  return [program, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

/** `Up 3 seconds`, `Exited (0) 2 hours ago`, `Created`. */
export function formatStatus(state: ContainerState, now: Date): string {
  const { status, startedAt, finishedAt, exitCode = 0 } = state;
  switch (status) {
    case "created":
      return "Created";
    case "running":
      return startedAt === undefined
        ? "Up"
        : `Up ${formatDuration(now.getTime() - Date.parse(startedAt))}`;
    case "exited": {
      const ago = finishedAt === undefined ? "" : ` ${formatAgo(finishedAt, now)}`;
      return `Exited (${exitCode})${ago}`;
    }
    default:
      return status satisfies never;
  }
}
