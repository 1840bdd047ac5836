/** `marmita search`. */
import { MOST_SEARCH_RESULTS } from "../engine/registry-checks.ts";
import { MarmitaError } from "../errors.ts";
import type { SearchResult } from "../registry/search-options.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { filtersOf } from "./filter-flag.ts";
import type { ParsedFlags } from "./flags.ts";
import { LIST_FORMAT } from "./format-flag.ts";
import { interruptible } from "./interruption.ts";
import { formatListing, type Listing } from "./listing.ts";
import { print } from "./output.ts";
import { REGISTRY_FLAGS, registryAccess } from "./registry-flags.ts";
import { truncate } from "./table.ts";

const SHORT_DESCRIPTION = 45;
const FILTERS = ["is-official", "stars"];

export const search: Command = {
  usage: "[OPTIONS] TERM",
  arguments: { min: 1, max: 1 },
  flags: [
    {
      name: "filter",
      short: "f",
      value: "filter",
      help: "Show those for which a condition holds: 'is-official=true', 'stars=NUMBER'",
    },
    LIST_FORMAT,
    {
      name: "limit",
      value: "int",
      help: `Max number of search results, up to ${MOST_SEARCH_RESULTS} (default 25)`,
    },
    { name: "no-trunc", help: "Don't truncate output" },
    ...REGISTRY_FLAGS,
  ],
  refused: { switches: "automated compatible list-tags", values: "cert-dir creds stars|s" },
  async run({ flags, args: [term = ""], engine: options }) {
    const filters = filtersOf(flags, FILTERS);
    const asked = {
      ...registryAccess(flags),
      limit: flags.map("limit", parseLimit).at(-1),
      isOfficial: filters.flag("is-official"),
      stars: filters.parse("stars", parseStars),
    };
    await using engine = await openCliEngine(options);
    return await interruptible(async (signal) => {
      print(formatResults(await engine.images.search(term, { ...asked, signal }), flags));
    });
  },
};

export function formatResults(results: readonly SearchResult[], flags: ParsedFlags): string {
  const format = flags.last("format");
  return formatListing(results, listingOf(flags.has("no-trunc"), isJson(format)), format);
}

/** Docker's JSON says true and false where its columns have a mark. */
function isJson(format = ""): boolean {
  return format === "json" || /^\s*\{\{-?\s*json\s+\.\s*-?\}\}\s*$/.test(format);
}

function listingOf(noTrunc: boolean, isInJson: boolean): Listing<SearchResult> {
  return {
    name: "search",
    fields: {
      Name: { heading: "NAME", value: ({ name }) => name },
      Description: {
        heading: "DESCRIPTION",
        value: ({ description }) => {
          const line = description.replaceAll(/[\r\n]/g, " ");
          return noTrunc ? line : truncate(line, SHORT_DESCRIPTION);
        },
      },
      StarCount: { heading: "STARS", value: ({ starCount }) => String(starCount) },
      IsOfficial: {
        heading: "OFFICIAL",
        value: ({ isOfficial }) => (isInJson ? String(isOfficial) : isOfficial ? "[OK]" : ""),
      },
    },
    table: "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
  };
}

/** 0 is the default, as in Docker. */
function parseLimit(text: string): number | undefined {
  const limit = wholeNumber(text);
  if (limit === 0) return undefined;
  if (limit <= MOST_SEARCH_RESULTS) return limit;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `limit ${text} is outside the range of [1, ${MOST_SEARCH_RESULTS}]`,
  );
}

function parseStars(text: string): number {
  return wholeNumber(text);
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number");
}
