/** `marmita images`. */
import type { ImageFilters } from "../images/filter.ts";
import type { Image } from "../images/image.ts";
import type { Digest } from "../oci/digest.ts";
import { parseMoment } from "../util/moment.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { filtersOf } from "./filter-flag.ts";
import type { ParsedFlags } from "./flags.ts";
import { LIST_FORMAT } from "./format-flag.ts";
import { formatListing, isTable, type Listing } from "./listing.ts";
import { print } from "./output.ts";
import { formatAgo, formatSize, formatTime } from "./units.ts";

const NONE = "<none>";
const SHORT_ID = 12;
const FILTERS = ["before", "dangling", "label", "label!", "reference", "since", "until"];

export const images: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  arguments: { min: 0, max: 1 },
  flags: [
    { name: "all", short: "a", help: "Show all images (default hides intermediate images)" },
    { name: "digests", help: "Show digests" },
    {
      name: "filter",
      short: "f",
      value: "filter",
      help:
        "Show those for which a condition holds: 'before=IMAGE', 'dangling=true', " +
        "'label=KEY[=VALUE]', 'label!=KEY[=VALUE]', 'reference=PATTERN', 'since=IMAGE', 'until=TIME'",
    },
    LIST_FORMAT,
    { name: "no-trunc", help: "Don't truncate output" },
    { name: "quiet", short: "q", help: "Only show image IDs" },
  ],
  refused: { switches: "tree history noheading|n", values: "sort" },
  async run({ flags, args, engine: options }) {
    const filters = filtersAsked(flags, args[0]);
    await using engine = await openCliEngine(options);
    print(formatImages(imageLines(await engine.images.list(filters)), flags, new Date()));
    return 0;
  },
};

/** An argument is one more pattern: of several, a name has to match one. */
function filtersAsked(flags: ParsedFlags, argument: string | undefined): ImageFilters {
  const filters = filtersOf(flags, FILTERS);
  const references = [...filters.all("reference"), ...(argument === undefined ? [] : [argument])];
  return {
    intermediate: flags.has("all"),
    dangling: filters.flag("dangling"),
    labels: filters.all("label"),
    withoutLabels: filters.all("label!"),
    before: filters.last("before"),
    since: filters.last("since"),
    until: filters.parse("until", parseMoment),
    references,
  };
}

/** One image under one of its names. */
export interface ImageLine {
  readonly image: ListedImage;
  readonly repository: string;
  readonly tag: string;
}

type ListedImage = Pick<Image, "id" | "digest" | "repoDigests" | "created" | "size">;

/** Newest first; an image has a line for each of its names. */
export function imageLines(
  list: readonly (ListedImage & Pick<Image, "names">)[],
): readonly ImageLine[] {
  const newestFirst = list.toSorted((one, other) => timeOf(other) - timeOf(one));
  return newestFirst.flatMap((image) => {
    return namesShown(image).map((name) => ({ image, ...splitName(name) }));
  });
}

/** One without a name, but from a registry, is shown as of its repository. */
function namesShown({
  names,
  repoDigests,
}: Pick<Image, "names" | "repoDigests">): readonly string[] {
  if (names.length > 0) return names;
  const repositories = new Set(repoDigests.map((text) => text.slice(0, text.indexOf("@"))));
  return repositories.size === 0 ? [NONE] : [...repositories];
}

/** What its repository knows it by: first comes what it was pulled or pushed as. */
function digestOf({ image, repository }: ImageLine): string {
  const own = image.repoDigests.find((text) => text.startsWith(`${repository}@`));
  return own === undefined ? image.digest : own.slice(repository.length + 1);
}

function timeOf({ created }: Pick<Image, "created">): number {
  return isTime(created) ? Date.parse(created) : 0;
}

/** Images may say anything. */
function isTime(text: string | undefined): text is string {
  return text !== undefined && !Number.isNaN(Date.parse(text));
}

/** A colon before the last slash belongs to a port. */
function splitName(name: string): { repository: string; tag: string } {
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  if (colon < 0) return { repository: name, tag: NONE };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** With `--quiet`, ids alone, each once; a template of one's own counts for more. */
export function formatImages(lines: readonly ImageLine[], flags: ParsedFlags, now: Date): string {
  const format = flags.last("format");
  const noTrunc = flags.has("no-trunc");
  if (flags.has("quiet") && isTable(format)) {
    const ids = new Set(lines.map(({ image }) => shownId(image.id, noTrunc)));
    return [...ids].map((id) => `${id}\n`).join("");
  }
  return formatListing(lines, listingOf({ noTrunc, digests: flags.has("digests"), now }), format);
}

/** `12ab34cd56ef`, as Docker shows an id. */
export function shownId(id: Digest, noTrunc: boolean): string {
  return noTrunc ? id : id.slice("sha256:".length).slice(0, SHORT_ID);
}

interface ListingOptions {
  readonly noTrunc: boolean;
  readonly digests: boolean;
  readonly now: Date;
}

function listingOf({ noTrunc, digests, now }: ListingOptions): Listing<ImageLine> {
  const columns = ["Repository", "Tag", ...(digests ? ["Digest"] : []), "ID", "CreatedSince"];
  const unknown = { heading: "", value: () => "N/A" };
  return {
    name: "image",
    fields: {
      Repository: { heading: "REPOSITORY", value: ({ repository }) => repository },
      Tag: { heading: "TAG", value: ({ tag }) => tag },
      Digest: { heading: "DIGEST", value: digestOf },
      ID: { heading: "IMAGE ID", value: ({ image }) => shownId(image.id, noTrunc) },
      CreatedSince: {
        heading: "CREATED",
        value: ({ image: { created } }) => (isTime(created) ? formatAgo(created, now) : "N/A"),
      },
      CreatedAt: {
        heading: "CREATED AT",
        value: ({ image: { created } }) => {
          return isTime(created) ? formatTime(new Date(created)) : "N/A";
        },
      },
      Size: { heading: "SIZE", value: ({ image }) => formatSize(image.size) },
      VirtualSize: { heading: "SIZE", value: ({ image }) => formatSize(image.size) },
      // As in Docker, these are told by `system df -v`.
      Containers: { ...unknown, heading: "CONTAINERS" },
      SharedSize: { ...unknown, heading: "SHARED SIZE" },
      UniqueSize: { ...unknown, heading: "UNIQUE SIZE" },
    },
    table: [...columns, "Size"].map((name) => `{{.${name}}}`).join("\t"),
    raw: [
      "repository: {{.Repository}}",
      ...(digests ? ["tag: {{.Tag}}", "digest: {{.Digest}}"] : ["tag: {{.Tag}}"]),
      "image_id: {{.ID}}",
      "created_at: {{.CreatedAt}}",
      "virtual_size: {{.Size}}",
      "",
    ].join("\n"),
  };
}
