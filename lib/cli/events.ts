/** `marmita events`. */
import type { EngineEvent } from "../engine/event-log.ts";
import type { EventsOptions } from "../engine/event-stream.ts";
import { parseMoment } from "../util/moment.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import { filtersOf } from "./filter-flag.ts";
import type { ParsedFlags } from "./flags.ts";
import { interruptible } from "./interruption.ts";
import { print } from "./output.ts";
import { readTemplate } from "./read-template.ts";
import { Template } from "./template/template.ts";
import { visible } from "./visible.ts";

const FILTERS = ["container", "event", "image", "label", "type", "volume"];

export const events: Command = {
  usage: "[OPTIONS]",
  arguments: { min: 0, max: 0 },
  flags: [
    {
      name: "filter",
      short: "f",
      value: "filter",
      help: "Filter output based on conditions provided",
    },
    {
      name: "format",
      value: "string",
      help: [
        "Format output using a custom template:",
        "'json': a line of JSON for each",
        "'TEMPLATE': a Go template for each",
        "What templates know: docs/formatting.md",
      ].join("\n"),
    },
    { name: "since", value: "string", help: "Show all events created since timestamp" },
    { name: "until", value: "string", help: "Stream events until this timestamp" },
  ],
  refused: { switches: "no-trunc stream" },
  async run({ flags, engine: options }) {
    const format = formatOf(flags.last("format") ?? "");
    const asked = askedEvents(flags);
    return interruptible(async (signal) => {
      await using engine = await openCliEngine(options);
      for await (const event of engine.events({ ...asked, signal })) print(`${format(event)}\n`);
    });
  },
};

function askedEvents(flags: ParsedFlags): EventsOptions {
  const filters = filtersOf(flags, FILTERS);
  const [since] = flags.map("since", (text) => parseMoment(text)).slice(-1);
  const [until] = flags.map("until", (text) => parseMoment(text)).slice(-1);
  return {
    types: filters.all("type"),
    actions: filters.all("event"),
    containers: filters.all("container"),
    images: filters.all("image"),
    volumes: filters.all("volume"),
    labels: filters.all("label"),
    ...(until === undefined ? {} : { until, since: new Date(0) }), // as in Docker
    ...(since === undefined ? {} : { since }),
  };
}

/** What `--format` makes of an event. Throws `UsageError`: `template parsing error: …`. */
export function formatOf(format: string): (event: EngineEvent) => string {
  if (format === "") return formatLine;
  if (format === "json" || /^\{\{ *json +\. *\}\}$/.test(format)) return formatJson;
  const template = readTemplate(() => new Template(format));
  return (event) => template.execute(structOf(event), { shown: visible, typeName: "Message" });
}

/** `TIME container die ID (exitCode=0, image=busybox, name=web)`, the time as it is here. */
export function formatLine(event: EngineEvent): string {
  const { type, action, id, time } = event;
  const attributes = sortedAttributes(event).map(([key, value]) => `${key}=${value}`);
  const more = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return oneLine(`${localTime(time)} ${type} ${action} ${id}${more}`);
}

function sortedAttributes({ attributes }: EngineEvent): [string, string][] {
  return Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** RFC 3339 with nanoseconds, in the time zone of this machine. */
function localTime(time: string): string {
  const date = new Date(time);
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  return `${local}.${fractionOf(time)}${zoneText(minutes)}`;
}

function fractionOf(time: string): string {
  return /\.(\d+)/.exec(time)?.[1] ?? "000000000";
}

function zoneText(minutes: number): string {
  if (minutes === 0) return "Z";
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/** A command may have any words. */
function oneLine(text: string): string {
  return visible(text).replaceAll(/[\t\n]/g, " ");
}

/** In Docker's keys, the three first of which are those of an older interface. */
export function formatJson(event: EngineEvent): string {
  const { type: Type, action: Action, id: ID } = event;
  const Attributes = Object.fromEntries(sortedAttributes(event));
  const old = oldFields(event);
  const head = JSON.stringify({ ...old, Type, Action, Actor: { ID, Attributes }, scope: "local" });
  const nano = timeNano(event);
  return `${head.slice(0, -1)},"time":${nano.slice(0, -9)},"timeNano":${nano}}`;
}

interface OldFields {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}

function oldFields({ type, action, id, attributes }: EngineEvent): OldFields {
  if (type === "image") return { status: action, id };
  if (type !== "container") return {};
  const { image } = attributes;
  return { status: action, id, ...(image === undefined ? {} : { from: image }) };
}

/** More digits than a number holds. */
function timeNano({ time }: EngineEvent): string {
  return `${Math.trunc(Date.parse(time) / 1_000)}${fractionOf(time)}`;
}

/** What `{{.Name}}` stands for. */
function structOf(event: EngineEvent): object {
  const { type: Type, action: Action, id: ID } = event;
  const { status = "", id = "", from = "" } = oldFields(event);
  const TimeNano = timeNano(event);
  return {
    Status: status,
    ID: id,
    From: from,
    Type,
    Action,
    Actor: { ID, Attributes: new Map(sortedAttributes(event)) },
    Scope: "local",
    Time: Number(TimeNano.slice(0, -9)),
    TimeNano,
  };
}
