/** `marmita volume create`, `ls`, `inspect` and `rm`. */
import type { Volume } from "../engine/volume.ts";
import { parseMoment } from "../util/moment.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { filtersOf } from "./filter-flag.ts";
import type { ParsedFlags } from "./flags.ts";
import { LIST_FORMAT, OBJECT_FORMAT } from "./format-flag.ts";
import { inspectCall } from "./inspect.ts";
import { labels, parseKeyValue } from "./key-values.ts";
import { formatListing, isTable, type Listing } from "./listing.ts";
import { print } from "./output.ts";
import { forEachNamed } from "./several.ts";
import { notSupported } from "./usage.ts";
import { visible } from "./visible.ts";

export const createVolume: Command = {
  usage: "[OPTIONS] [VOLUME]",
  arguments: { min: 0, max: 1 },
  flags: [
    {
      name: "driver",
      short: "d",
      value: "string",
      help: 'Specify volume driver name (default "local", the only one)',
    },
    { name: "label", short: "l", value: "list", help: "Set metadata for a volume" },
  ],
  refused: {
    switches: "ignore",
    values: `opt|o availability group limit-bytes required-bytes scope secret sharing
      topology-preferred topology-required type uid gid`,
  },
  async run({ flags, args, engine: options }) {
    const driver = flags.last("driver") ?? "local";
    if (driver !== "local" && driver !== "") throw notSupported(`--driver ${visible(driver)}`);
    const asked = { labels: labels(flags.map("label", parseKeyValue)) };
    await using engine = await openCliEngine(options);
    const { name } = await engine.volumes.create(args[0], asked);
    print(`${name}\n`);
    return 0;
  },
};

const FILTERS = ["dangling", "driver", "label", "label!", "name", "until"];

export const volumes: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    {
      name: "filter",
      short: "f",
      value: "filter",
      help:
        "Show those for which a condition holds: 'dangling=true', 'driver=local', " +
        "'label=KEY[=VALUE]', 'label!=KEY[=VALUE]', 'name=REGEXP', 'until=TIME'",
    },
    LIST_FORMAT,
    { name: "quiet", short: "q", help: "Only display volume names" },
  ],
  refused: { switches: "cluster noheading|n" },
  async run({ flags, engine: options }) {
    const filters = filtersOf(flags, FILTERS);
    const asked = {
      dangling: filters.flag("dangling"),
      drivers: filters.all("driver"),
      labels: filters.all("label"),
      withoutLabels: filters.all("label!"),
      names: filters.all("name"),
      until: filters.parse("until", parseMoment),
    };
    await using engine = await openCliEngine(options);
    print(formatVolumes(await engine.volumes.list(asked), flags));
    return 0;
  },
};

/** With `--quiet`, names alone; a template of one's own counts for more. */
export function formatVolumes(list: readonly Volume[], flags: ParsedFlags): string {
  const format = flags.last("format");
  if (flags.has("quiet") && isTable(format)) return list.map(({ name }) => `${name}\n`).join("");
  return formatListing(list, LISTING, format);
}

const unknown = (heading: string) => ({ heading, value: () => "N/A" });

const LISTING: Listing<Volume> = {
  name: "volume",
  fields: {
    Name: { heading: "VOLUME NAME", value: ({ name }) => name },
    Driver: { heading: "DRIVER", value: ({ driver }) => driver },
    Scope: { heading: "SCOPE", value: () => "local" },
    Mountpoint: { heading: "MOUNTPOINT", value: ({ mountpoint }) => mountpoint },
    Labels: { heading: "LABELS", value: (volume) => formatLabels(volume) },
    Availability: unknown("AVAILABILITY"),
    Group: unknown("GROUP"),
    Status: unknown("STATUS"),
    // As in Docker, these are told by `system df -v`.
    Links: unknown("LINKS"),
    Size: unknown("SIZE"),
  },
  methods: {
    Label: {
      heading: (key) => key,
      value: ({ labels: all }, key) => (Object.hasOwn(all, key) ? all[key] : ""),
    },
  },
  table: "{{.Driver}}\t{{.Name}}",
  raw: "name: {{.Name}}\ndriver: {{.Driver}}\n",
};

function formatLabels({ labels: all }: Volume): string {
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(",");
}

export const inspectVolumes: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arguments: { min: 1 },
  flags: [OBJECT_FORMAT],
  refused: { switches: "all|a" },
  run: (call) => inspectCall(call, ["volume"]),
};

export const removeVolumes: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arguments: { min: 1 },
  flags: [
    { name: "force", short: "f", help: "Take one that is not there for one that is removed" },
  ],
  refused: { switches: "all|a", values: "time|t" },
  async run({ flags, args, engine: options }) {
    const force = flags.has("force");
    await using engine = await openCliEngine(options);
    return await forEachNamed(args, async (name) => {
      await engine.volumes.remove(name, { force });
      print(`${visible(name)}\n`);
    });
  },
};
