/** `marmita images`. */
import type { Image } from "../images/image.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { print } from "./output.ts";
import { formatTable } from "./table.ts";
import { formatAgo, formatSize } from "./units.ts";

const NONE = "<none>";
const SHORT_ID = 12;

export const images: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  arguments: { min: 0, max: 1 },
  flags: [
    { name: "all", short: "a", help: "Show all images (there are no intermediate ones to hide)" },
    { name: "digests", help: "Show digests" },
    { name: "no-trunc", help: "Don't truncate output" },
    { name: "quiet", short: "q", help: "Only show image IDs" },
  ],
  refused: { switches: "tree history noheading|n", values: "filter|f format sort" },
  async run({ flags, args, engine: options }) {
    await using engine = await openCliEngine(options);
    const found = imageLines(await engine.images.list(), args[0]);
    const noTrunc = flags.has("no-trunc");
    if (flags.has("quiet")) {
      const ids = new Set(found.map(({ image }) => imageId(image, noTrunc)));
      print([...ids].map((id) => `${id}\n`).join(""));
    } else {
      print(formatImages(found, flags, new Date()));
    }
    return 0;
  },
};

/** One image under one of its names. */
export interface ImageLine {
  readonly image: Pick<Image, "id" | "digest" | "created" | "size">;
  readonly repository: string;
  readonly tag: string;
}

/** Newest first; an image has a line for each of its names that `pattern` allows. */
export function imageLines(
  list: readonly Pick<Image, "id" | "digest" | "created" | "size" | "names">[],
  pattern?: string,
): readonly ImageLine[] {
  const newestFirst = list.toSorted((one, other) => timeOf(other) - timeOf(one));
  return newestFirst.flatMap((image) => {
    const names = image.names.length === 0 && pattern === undefined ? [NONE] : image.names;
    return names
      .map((name) => ({ image, ...splitName(name) }))
      .filter((line) => pattern === undefined || matches(line, pattern));
  });
}

function timeOf({ created }: Pick<Image, "created">): number {
  return created === undefined ? 0 : Date.parse(created);
}

/** A colon before the last slash belongs to a port. */
function splitName(name: string): { repository: string; tag: string } {
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  if (colon < 0) return { repository: name, tag: NONE };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** `busybox`, `busybox:1*`: `*` and `?` stand for what they do in a shell. */
function matches({ repository, tag }: ImageLine, pattern: string): boolean {
  const wanted = splitName(pattern);
  return isLike(repository, wanted.repository) && (wanted.tag === NONE || isLike(tag, wanted.tag));
}

function isLike(text: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return new RegExp(`^${source}$`).test(text);
}

function formatImages(lines: readonly ImageLine[], flags: ParsedFlags, now: Date): string {
  const digests = flags.has("digests");
  const headings = ["REPOSITORY", "TAG", ...(digests ? ["DIGEST"] : []), "IMAGE ID", "CREATED"];
  const rows = lines.map(({ image, repository, tag }) => [
    repository,
    tag,
    ...(digests ? [image.digest] : []),
    imageId(image, flags.has("no-trunc")),
    image.created === undefined ? "N/A" : formatAgo(image.created, now),
    formatSize(image.size),
  ]);
  return formatTable([...headings, "SIZE"], rows);
}

function imageId({ id }: Pick<Image, "id">, noTrunc: boolean): string {
  return noTrunc ? id : id.slice("sha256:".length).slice(0, SHORT_ID);
}
