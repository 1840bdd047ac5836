/** `marmita container prune`, `image prune`, `volume prune` and `system prune`: what is to go is told before. */
import type { PruneFilter } from "../engine/prune-filter.ts";
import type { RemovedImage } from "../images/remove.ts";
import { parseMoment } from "../util/moment.ts";
import type { Command } from "./command.ts";
import { confirm } from "./confirm.ts";
import { openCliEngine } from "./engine.ts";
import { type Filters, filtersOf } from "./filter-flag.ts";
import type { Flag, ParsedFlags } from "./flags.ts";
import { print } from "./output.ts";
import { formatSize } from "./units.ts";
import { UsageError } from "./usage.ts";
import { visible } from "./visible.ts";

const FORCE: Flag = { name: "force", short: "f", help: "Do not prompt for confirmation" };
const UNTIL: Flag = {
  name: "filter",
  value: "filter",
  help: 'Provide filter values (e.g. "until=<timestamp>", "label=<key>=<value>")',
};
const FILTERS = ["until", "label", "label!"];

export const pruneContainers: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [UNTIL, FORCE],
  refused: {},
  async run({ flags, engine: options }) {
    const filter = filterOf(filtersOf(flags, FILTERS));
    ask(flags, "This will remove all stopped containers.", "container prune");
    await using engine = await openCliEngine(options);
    const { containers, reclaimedBytes } = await engine.containers.prune(filter);
    print(formatDeleted("Containers", containers) + formatTotal(reclaimedBytes));
    return 0;
  },
};

export const pruneImages: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "all", short: "a", help: "Remove all unused images, not just dangling ones" },
    UNTIL,
    FORCE,
  ],
  refused: { switches: "build-cache external" },
  async run({ flags, engine: options }) {
    const filters = filtersOf(flags, [...FILTERS, "dangling"]);
    const all = isAll(flags, filters);
    const filter = filterOf(filters);
    const what = all
      ? "images without at least one container associated to them"
      : "dangling images";
    ask(flags, `This will remove all ${what}.`, "image prune");
    await using engine = await openCliEngine(options);
    const { images, reclaimedBytes } = await engine.images.prune({ ...filter, all });
    print(formatImages(images) + formatTotal(reclaimedBytes));
    return 0;
  },
};

export const pruneVolumes: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "all", short: "a", help: "Remove all unused volumes, not just anonymous ones" },
    UNTIL,
    FORCE,
  ],
  refused: {},
  async run({ flags, engine: options }) {
    const filters = filtersOf(flags, [...FILTERS, "all"]);
    const all = flags.has("all") || filters.flag("all") === true;
    const filter = filterOf(filters);
    const what = all ? "all" : "anonymous";
    const warning = `This will remove ${what} local volumes not used by at least one container.`;
    ask(flags, warning, "volume prune");
    await using engine = await openCliEngine(options);
    const { volumes, reclaimedBytes } = await engine.volumes.prune({ ...filter, all });
    print(formatDeleted("Volumes", volumes) + formatTotal(reclaimedBytes));
    return 0;
  },
};

export const pruneSystem: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    { name: "all", short: "a", help: "Remove all unused images not just dangling ones" },
    UNTIL,
    FORCE,
    { name: "volumes", help: "Prune anonymous volumes" },
  ],
  refused: { switches: "build external" },
  async run({ flags, engine: options }) {
    const all = flags.has("all");
    const volumes = flags.has("volumes");
    const filter = filterOf(filtersOf(flags, FILTERS));
    if (volumes && filter.until !== undefined) {
      throw new UsageError('The "until" filter is not supported with "--volumes"', { exitCode: 1 });
    }
    ask(flags, systemWarning({ all, volumes, filters: flags.all("filter") }), "system prune");
    await using engine = await openCliEngine(options);
    const pruned = await engine.prune({ ...filter, all, volumes });
    print(
      formatDeleted("Containers", pruned.containers) +
        formatDeleted("Volumes", pruned.volumes) +
        formatImages(pruned.images) +
        formatTotal(pruned.reclaimedBytes),
    );
    return 0;
  },
};

function ask(flags: ParsedFlags, warning: string, what: string): void {
  if (!flags.has("force")) confirm(warning, what);
}

export function systemWarning(asked: {
  readonly all: boolean;
  readonly volumes: boolean;
  readonly filters: readonly string[];
}): string {
  const items = [
    "all stopped containers",
    ...(asked.volumes ? ["all anonymous volumes not used by at least one container"] : []),
    asked.all
      ? "all images without at least one container associated to them"
      : "all dangling images",
    "what is left of killed processes",
  ];
  const list = items.map((item) => `  - ${item}\n`).join("");
  if (asked.filters.length === 0) return `This will remove:\n${list}`;
  const filters = asked.filters.map((filter) => `  - ${visible(filter)}\n`).join("");
  return `This will remove:\n${list}\n  Items to be pruned will be filtered with:\n${filters}`;
}

/** `--filter dangling=false` says what `--all` does. */
function isAll(flags: ParsedFlags, filters: Filters): boolean {
  const dangling = filters.flag("dangling");
  return flags.has("all") || dangling === false;
}

function filterOf(filters: Filters): PruneFilter {
  const until = filters.parse("until", (text) => parseMoment(text));
  return {
    ...(until === undefined ? {} : { until }),
    labels: filters.all("label"),
    exceptLabels: filters.all("label!"),
  };
}

function formatDeleted(kind: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  return `Deleted ${kind}:\n${names.map((name) => `${visible(name)}\n`).join("")}\n`;
}

function formatImages(images: readonly RemovedImage[]): string {
  const lines = images.flatMap(({ untagged, deleted }) => [
    ...untagged.map((name) => `untagged: ${name}\n`),
    ...deleted.map((digest) => `deleted: ${digest}\n`),
  ]);
  return lines.length === 0 ? "" : `Deleted Images:\n${lines.join("")}\n`;
}

function formatTotal(bytes: number): string {
  return `Total reclaimed space: ${formatSize(bytes)}\n`;
}
