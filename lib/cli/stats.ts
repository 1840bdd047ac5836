/** `marmita stats`. */
import type { ContainerStats } from "../engine/stats.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { LIST_FORMAT } from "./format-flag.ts";
import { interruptible } from "./interruption.ts";
import { type Listing, formatListing, isTable } from "./listing.ts";
import { print } from "./output.ts";
import { formatBinarySize, formatSize } from "./units.ts";

const SHORT_ID = 12;

export const stats: Command = {
  usage: "[OPTIONS] [CONTAINER...]",
  arguments: { min: 0 },
  flags: [
    { name: "all", short: "a", help: "Show all containers (default shows just running)" },
    LIST_FORMAT,
    { name: "no-stream", help: "Disable streaming stats and only pull the first result" },
    { name: "no-trunc", help: "Do not truncate output" },
  ],
  refused: { switches: "latest|l no-reset", values: "interval|i" },
  async run({ flags, args, engine: options }) {
    const format = flags.last("format");
    const look = { noTrunc: flags.has("no-trunc"), isTerminal: process.stdout.isTTY, format };
    const once = flags.has("no-stream");
    formatStats([], look); // a template that is none is told before anything else
    return interruptible(async (signal) => {
      await using engine = await openCliEngine(options);
      const asked = {
        signal,
        all: flags.has("all"),
        ...(args.length === 0 ? {} : { containers: args }),
      };
      for await (const list of engine.containers.watchStats(asked)) {
        const text = formatStats(list, look);
        print(once || !look.isTerminal ? text : onScreen(text));
        if (once) return;
      }
    });
  },
};

/** From the upper left corner, over what was there: nothing flickers. */
function onScreen(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J`;
}

export interface StatsFormat {
  readonly noTrunc: boolean;
  /** Somebody looks at it: then it is said where the figures are from. */
  readonly isTerminal: boolean;
  readonly format: string | undefined;
}

export function formatStats(
  list: readonly ContainerStats[],
  { noTrunc, isTerminal, format }: StatsFormat,
): string {
  const text = formatListing(list, listingOf(noTrunc), format);
  return isTerminal && isTable(format) ? text + sourceNote(list) : text;
}

function sourceNote(list: readonly ContainerStats[]): string {
  const sources = new Set(list.map(({ source }) => source));
  if (!sources.has("proc")) return "";
  const which = sources.has("cgroup") ? "Some figures" : "Figures";
  return `\n${which} are summed over processes: no control group of their own (.Source says which).\n`;
}

function listingOf(noTrunc: boolean): Listing<ContainerStats> {
  const shortId = (id: string) => (noTrunc ? id : id.slice(0, SHORT_ID));
  const pair = (one: number, other: number) => `${formatSize(one)} / ${formatSize(other)}`;
  const columns = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];
  return {
    name: "container stats",
    fields: {
      Container: { heading: "CONTAINER", value: ({ id }) => shortId(id) },
      ID: { heading: "CONTAINER ID", value: ({ id }) => shortId(id) },
      Name: { heading: "NAME", value: ({ name }) => name },
      CPUPerc: { heading: "CPU %", value: ({ cpuPercent }) => percent(cpuPercent) },
      MemUsage: {
        heading: "MEM USAGE / LIMIT",
        value: ({ memoryBytes, memoryLimitBytes }) =>
          `${formatBinarySize(memoryBytes)} / ${formatBinarySize(memoryLimitBytes)}`,
      },
      MemPerc: { heading: "MEM %", value: ({ memoryPercent }) => percent(memoryPercent) },
      NetIO: {
        heading: "NET I/O",
        value: ({ receivedBytes, sentBytes }) => pair(receivedBytes, sentBytes),
      },
      BlockIO: {
        heading: "BLOCK I/O",
        value: ({ readBytes, writtenBytes }) => pair(readBytes, writtenBytes),
      },
      PIDs: { heading: "PIDS", value: ({ tasks }) => String(tasks) },
      Source: { heading: "SOURCE", value: ({ source }) => source ?? "" },
    },
    table: columns.map((name) => `{{.${name}}}`).join("\t"),
  };
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}
