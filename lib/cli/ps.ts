/** `marmita ps`. */
import type { ContainerSummary } from "../engine/list.ts";
import type { RecordedMount } from "../engine/mounts.ts";
import type { ContainerState } from "../engine/state.ts";
import { MarmitaError } from "../errors.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { LIST_FORMAT } from "./format-flag.ts";
import { formatListing, isTable, type Listing } from "./listing.ts";
import { print } from "./output.ts";
import { containerFilters } from "./ps-filters.ts";
import { truncate } from "./table.ts";
import { formatAgo, formatDuration, formatSize, formatTime } from "./units.ts";

const SHORT_ID = 12;
const SHORT_COMMAND = 20;
const SHORT_MOUNT = 15;

export const ps: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "all", short: "a", help: "Show all containers (default shows just running)" },
    {
      name: "filter",
      short: "f",
      value: "filter",
      help: 'Filter output based on conditions provided ("status=exited")',
    },
    {
      name: "last",
      short: "n",
      value: "int",
      help: "Show n last created containers (includes all states) (default -1)",
    },
    LIST_FORMAT,
    {
      name: "latest",
      short: "l",
      help: "Show the latest created container (includes all states)",
    },
    { name: "no-trunc", help: "Don't truncate output" },
    { name: "quiet", short: "q", help: "Only display container IDs" },
    { name: "size", short: "s", help: "Display total file sizes" },
  ],
  refused: {
    switches: "external noheading ns pod|p sync",
    values: "sort watch|w",
  },
  async run({ flags, engine: options }) {
    const { filters, none } = containerFilters(flags);
    const last = lastOf(flags);
    await using engine = await openCliEngine(options);
    const noTrunc = flags.has("no-trunc");
    const format = flags.last("format");
    // As Docker does: whoever wants to see it need not ask for it twice.
    const size = flags.has("size") || format?.includes(".Size") === true;
    const running = last === undefined && !flags.has("all") && filters.statuses?.length === 0;
    const asked = { ...filters, running, last, size };
    const list = none ? [] : await engine.containers.list(asked);
    if (flags.has("quiet") && isTable(format)) {
      print(list.map(({ id }) => `${noTrunc ? id : id.slice(0, SHORT_ID)}\n`).join(""));
    } else {
      print(formatContainers(list, { noTrunc, now: new Date(), format, size }));
    }
    return 0;
  },
};

/** The newest so many, in whatever state. None or less is no limit, as in Docker. */
function lastOf(flags: ParsedFlags): number | undefined {
  const last = flags.map("last", parseCount).at(-1) ?? -1;
  if (last > 0) return last;
  return flags.has("latest") ? 1 : undefined;
}

function parseCount(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number");
}

export interface FormatOptions {
  readonly noTrunc: boolean;
  readonly now: Date;
  /** With a column of sizes. */
  readonly size?: boolean;
  /** As `--format` was given. */
  readonly format?: string | undefined;
}

export function formatContainers(
  list: readonly ContainerSummary[],
  { format, ...options }: FormatOptions,
): string {
  return formatListing(list, listingOf(options), format);
}

const COLUMNS = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

function listingOf({ noTrunc, now, size = false }: FormatOptions): Listing<ContainerSummary> {
  return {
    name: "container",
    fields: {
      ID: { heading: "CONTAINER ID", value: ({ id }) => (noTrunc ? id : id.slice(0, SHORT_ID)) },
      Names: { heading: "NAMES", value: ({ name }) => name },
      Image: { heading: "IMAGE", value: ({ image }) => image.name },
      Command: {
        heading: "COMMAND",
        value: ({ command }) => {
          const text = commandText(command);
          return JSON.stringify(noTrunc ? text : truncate(text, SHORT_COMMAND));
        },
      },
      CreatedAt: {
        heading: "CREATED AT",
        value: ({ createdAt }) => formatTime(new Date(createdAt)),
      },
      RunningFor: { heading: "CREATED", value: ({ createdAt }) => formatAgo(createdAt, now) },
      Ports: { heading: "PORTS", value: () => "" },
      State: { heading: "STATE", value: ({ state }) => state.status },
      Status: { heading: "STATUS", value: ({ state }) => formatStatus(state, now) },
      Size: { heading: "SIZE", value: (container) => sizeText(container) },
      Labels: { heading: "LABELS", value: ({ labels }) => labelsText(labels) },
      Mounts: { heading: "MOUNTS", value: ({ mounts }) => mountsText(mounts, noTrunc) },
      LocalVolumes: {
        heading: "LOCAL VOLUMES",
        value: ({ mounts }) => String(mounts.filter(({ type }) => type === "volume").length),
      },
      Networks: { heading: "NETWORKS", value: ({ networking }) => networking.mode },
    },
    methods: {
      Label: { heading: labelHeading, value: ({ labels }, key) => labels[key] ?? "" },
    },
    table: [...COLUMNS, ...(size ? ["Size"] : [])].map((name) => `{{.${name}}}`).join("\t"),
    raw: [
      "container_id: {{.ID}}",
      "image: {{.Image}}",
      "command: {{.Command}}",
      "created_at: {{.CreatedAt}}",
      "state: {{.State}}",
      "status: {{.Status}}",
      "names: {{.Names}}",
      "labels: {{.Labels}}",
      "ports: {{.Ports}}",
      "",
    ].join("\n"),
  };
}

/** `5B (virtual 4.27MB)` */
function sizeText({ size }: ContainerSummary): string {
  if (size === undefined) return "0B"; // as Docker has it in JSON, when it was not asked for
  return `${formatSize(size.written)} (virtual ${formatSize(size.total)})`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}

/** `com.example.my-part` is headed `my part`. */
function labelHeading(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1).replaceAll(/[-_]/g, " ");
}

function mountsText(mounts: readonly RecordedMount[], noTrunc: boolean): string {
  const names = mounts.flatMap((mount) => (mount.type === "tmpfs" ? [] : [mount.source]));
  return names.map((name) => (noTrunc ? name : truncate(name, SHORT_MOUNT))).join(",");
}

/** As Docker has it: of the arguments, those with blanks in quotes. */
function commandText([program = "", ...args]: readonly string[]): string {
  return [program, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

function healthText({ health }: ContainerState): string {
  if (health === undefined) return "";
  return health === "starting" ? " (health: starting)" : ` (${health})`;
}

/** `Up 3 seconds`, `Up 3 seconds (healthy)`, `Exited (0) 2 hours ago`, `Created`. */
export function formatStatus(state: ContainerState, now: Date): string {
  const { status, startedAt, finishedAt, exitCode = 0 } = state;
  switch (status) {
    case "created":
      return "Created";
    case "running":
      return `${upFor(startedAt, now)}${healthText(state)}`;
    case "paused":
      return `${upFor(startedAt, now)} (Paused)`;
    case "restarting":
    case "exited": {
      const word = status === "exited" ? "Exited" : "Restarting";
      const ago = finishedAt === undefined ? "" : ` ${formatAgo(finishedAt, now)}`;
      return `${word} (${exitCode})${ago}`;
    }
    default:
      return status satisfies never;
  }
}

function upFor(startedAt: string | undefined, now: Date): string {
  if (startedAt === undefined) return "Up";
  return `Up ${formatDuration(now.getTime() - Date.parse(startedAt))}`;
}
