/** `marmita system df`. */
import type { DiskUsage, Usage } from "../engine/usage.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { type Listing, formatListing } from "./listing.ts";
import { print } from "./output.ts";
import { formatStatus } from "./ps.ts";
import { formatTable } from "./table.ts";
import { formatAgo, formatSize } from "./units.ts";
import { UsageError } from "./usage.ts";
import { visible } from "./visible.ts";

export const systemDf: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    {
      name: "format",
      value: "string",
      help: "Format output using a custom template: 'table', 'table TEMPLATE', 'json' or TEMPLATE",
    },
    { name: "verbose", short: "v", help: "Show detailed information on space usage" },
  ],
  refused: {},
  async run({ flags, engine: options }) {
    const format = flags.last("format");
    if (flags.has("verbose") && format !== undefined) {
      throw new UsageError("--verbose and --format exclude each other", { exitCode: 1 });
    }
    await using engine = await openCliEngine(options);
    const found = await engine.diskUsage();
    print(
      flags.has("verbose")
        ? formatVerbose(found, new Date())
        : formatListing(summaryOf(found), LISTING, format),
    );
    return 0;
  },
};

/** One line of the summary. */
interface Row {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimableBytes: number;
}

const LISTING: Listing<Row> = {
  name: "diskUsage",
  fields: {
    Type: { heading: "TYPE", value: ({ type }) => type },
    TotalCount: { heading: "TOTAL", value: ({ total }) => String(total) },
    Active: { heading: "ACTIVE", value: ({ active }) => String(active) },
    Size: { heading: "SIZE", value: ({ bytes }) => formatSize(bytes) },
    Reclaimable: { heading: "RECLAIMABLE", value: formatReclaimable },
  },
  table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
};

function formatReclaimable({ bytes, reclaimableBytes }: Row): string {
  const size = formatSize(reclaimableBytes);
  return bytes === 0 ? size : `${size} (${Math.trunc((reclaimableBytes / bytes) * 100)}%)`;
}

export function summaryOf({ images, containers, volumes, garbage }: DiskUsage): readonly Row[] {
  const row = (type: string, usage: Usage<unknown>): Row => {
    const { active, bytes, reclaimableBytes, items } = usage;
    return { type, total: items.length, active, bytes, reclaimableBytes };
  };
  const { count, bytes } = garbage;
  return [
    row("Images", images),
    row("Containers", containers),
    row("Local Volumes", volumes),
    { type: "Garbage", total: count, active: 0, bytes, reclaimableBytes: bytes },
  ];
}

export function formatVerbose(usage: DiskUsage, now: Date): string {
  const { count, bytes } = usage.garbage;
  return [
    `Images space usage:\n\n${formatImages(usage, now)}`,
    `Containers space usage:\n\n${formatContainers(usage, now)}`,
    `Local Volumes space usage:\n\n${formatVolumes(usage)}`,
    `Garbage: ${count} blobs and layers of no image, ${formatSize(bytes)}\n`,
  ].join("\n");
}

function formatImages({ images }: DiskUsage, now: Date): string {
  const rows = images.items.flatMap((image) => {
    const names = image.names.length === 0 ? ["<none>"] : image.names;
    return names.map((name) => {
      const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
      return [
        colon < 0 ? name : name.slice(0, colon),
        colon < 0 ? "<none>" : name.slice(colon + 1),
        shortId(image.id.slice("sha256:".length)),
        image.created === undefined ? "N/A" : formatAgo(image.created, now),
        formatSize(image.bytes),
        formatSize(image.sharedBytes),
        formatSize(image.bytes - image.sharedBytes),
        String(image.containers),
      ];
    });
  });
  const sizes = ["SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"];
  return formatTable(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", ...sizes], rows);
}

function formatContainers({ containers }: DiskUsage, now: Date): string {
  const rows = containers.items.map((container) => [
    shortId(container.id),
    container.image.name,
    visible(JSON.stringify(container.command.join(" "))),
    String(container.mounts.filter(({ type }) => type === "volume").length),
    formatSize(container.bytes),
    formatAgo(container.createdAt, now),
    formatStatus(container.state, now),
    container.name,
  ]);
  const columns = ["LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"];
  return formatTable(["CONTAINER ID", "IMAGE", "COMMAND", ...columns], rows);
}

function formatVolumes({ volumes }: DiskUsage): string {
  const rows = volumes.items.map(({ name, containers, bytes }) => [
    visible(name),
    String(containers),
    formatSize(bytes),
  ]);
  return formatTable(["VOLUME NAME", "LINKS", "SIZE"], rows);
}

function shortId(id: string): string {
  return id.slice(0, 12);
}
