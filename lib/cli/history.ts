/** `marmita history`. */
import type { ImageHistoryEntry } from "../images/history.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { LIST_FORMAT } from "./format-flag.ts";
import { shownId } from "./images.ts";
import { formatListing, isTable, type Listing } from "./listing.ts";
import { print } from "./output.ts";
import { truncate } from "./table.ts";
import { formatAgo, formatSize } from "./units.ts";

const MISSING = "<missing>";
const SHORT_COMMAND = 45;

export const history: Command = {
  usage: "[OPTIONS] IMAGE",
  arguments: { min: 1, max: 1 },
  flags: [
    LIST_FORMAT,
    {
      name: "human",
      short: "H",
      help: "Print sizes and dates in human readable format (default true)",
    },
    { name: "no-trunc", help: "Don't truncate output" },
    { name: "quiet", short: "q", help: "Only show image IDs" },
  ],
  refused: { values: "platform" },
  async run({ flags, args, engine: options }) {
    const [image = ""] = args;
    await using engine = await openCliEngine(options);
    print(formatHistory(await engine.images.history(image), flags, new Date()));
    return 0;
  },
};

export function formatHistory(
  steps: readonly ImageHistoryEntry[],
  flags: ParsedFlags,
  now: Date,
): string {
  const format = flags.last("format");
  const noTrunc = flags.has("no-trunc");
  if (flags.has("quiet") && isTable(format)) {
    return steps.map((step) => `${idOf(step, noTrunc)}\n`).join("");
  }
  const human = flags.last("human") !== "false";
  return formatListing(steps, listingOf({ noTrunc, human, now }), format);
}

interface ListingOptions {
  readonly noTrunc: boolean;
  readonly human: boolean;
  readonly now: Date;
}

function listingOf({ noTrunc, human, now }: ListingOptions): Listing<ImageHistoryEntry> {
  const when = human ? "CreatedSince" : "CreatedAt";
  return {
    name: "history",
    fields: {
      ID: { heading: "IMAGE", value: (step) => idOf(step, noTrunc) },
      CreatedSince: {
        heading: "CREATED",
        value: ({ created }) => (isKnown(created) ? formatAgo(created, now) : "N/A"),
      },
      CreatedAt: {
        heading: "CREATED AT",
        value: ({ created }) => (isKnown(created) ? withoutFraction(created) : "N/A"),
      },
      CreatedBy: {
        heading: "CREATED BY",
        value: ({ createdBy }) => {
          const line = createdBy.replaceAll("\t", " ");
          return noTrunc ? line : truncate(line, SHORT_COMMAND);
        },
      },
      Size: { heading: "SIZE", value: ({ size }) => (human ? formatSize(size) : String(size)) },
      Comment: { heading: "COMMENT", value: ({ comment }) => comment },
    },
    table: ["ID", when, "CreatedBy", "Size", "Comment"].map((name) => `{{.${name}}}`).join("\t"),
  };
}

function idOf({ id }: ImageHistoryEntry, noTrunc: boolean): string {
  return id === undefined ? MISSING : shownId(id, noTrunc);
}

/** Builders that hide the time write that of the epoch, or none. */
function isKnown(created: string | undefined): created is string {
  return created !== undefined && Date.parse(created) > 0;
}

function withoutFraction(created: string): string {
  return new Date(created).toISOString().replace(/\.\d+Z$/, "Z");
}
