/** `marmita logs`. */
import type { LogLine } from "../engine/log-lines.ts";
import type { LogsOptions } from "../engine/log-entries.ts";
import { MarmitaError } from "../errors.ts";
import { parseMoment } from "../util/moment.ts";
import type { Command } from "./command.ts";
import { openCliEngine } from "./engine.ts";
import type { ParsedFlags } from "./flags.ts";
import { interruptible } from "./interruption.ts";
import { printBytes } from "./output.ts";

export const logs: Command = {
  usage: "[OPTIONS] CONTAINER",
  arguments: { min: 1, max: 1 },
  flags: [
    { name: "follow", short: "f", help: "Follow log output" },
    {
      name: "since",
      value: "string",
      help:
        "Show logs since timestamp (e.g. 2026-01-02T13:23:37Z)\n" +
        "or relative (e.g. 42m for 42 minutes)",
    },
    {
      name: "tail",
      short: "n",
      value: "string",
      help: 'Number of lines to show from the end of the logs (default "all")',
    },
    { name: "timestamps", short: "t", help: "Show timestamps" },
    {
      name: "until",
      value: "string",
      help:
        "Show logs before a timestamp (e.g. 2026-01-02T13:23:37Z)\n" +
        "or relative (e.g. 42m for 42 minutes)",
    },
  ],
  refused: { switches: "details color latest|l names" },
  async run({ flags, args: [name = ""], engine: options }) {
    const asked = logsOptions(flags);
    await using engine = await openCliEngine(options);
    const container = await engine.containers.get(name);
    return await interruptible(async (signal) => {
      const printer = new LogPrinter({ timestamps: flags.has("timestamps") });
      for await (const lines of container.logLines({ ...asked, signal })) printer.print(lines);
    });
  },
};

function logsOptions(flags: ParsedFlags): LogsOptions {
  const tail = flags.map("tail", parseTail).at(-1);
  const moment = (name: "since" | "until") => {
    const text = flags.map(name, checkedMoment).at(-1);
    return text === undefined || text === "" ? {} : { [name]: text };
  };
  return {
    follow: flags.has("follow"),
    ...moment("since"),
    ...moment("until"),
    ...(tail !== undefined && { tail }),
  };
}

/** Kept as text: it may be finer than a date can be. */
function checkedMoment(text: string): string {
  if (text !== "") parseMoment(text);
  return text;
}

/** `undefined` for all. */
function parseTail(text: string): number | undefined {
  if (text === "all" || /^-\d{1,9}$/.test(text)) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new MarmitaError("INVALID_ARGUMENT", 'expected a number of lines or "all"');
}

/** Byte for byte, to the descriptors that it was written to. */
export class LogPrinter {
  readonly #timestamps: boolean;
  readonly #write: (fd: 1 | 2, bytes: Buffer) => void;
  /** Streams in the middle of a line. */
  readonly #open = new Set<LogLine["stream"]>();

  constructor(
    { timestamps }: { readonly timestamps: boolean },
    write: (fd: 1 | 2, bytes: Buffer) => void = printBytes,
  ) {
    this.#timestamps = timestamps;
    this.#write = write;
  }

  print(lines: readonly LogLine[]): void {
    let parts: Buffer[] = [];
    for (const [index, line] of lines.entries()) {
      parts.push(...this.#format(line));
      if (lines[index + 1]?.stream === line.stream) continue;
      this.#write(line.stream === "stdout" ? 1 : 2, Buffer.concat(parts));
      parts = [];
    }
  }

  #format({ stream, time, isWhole, bytes }: LogLine): Buffer[] {
    const isBegin = !this.#open.has(stream);
    if (isWhole) this.#open.delete(stream);
    else this.#open.add(stream);
    return [
      ...(this.#timestamps && isBegin ? [Buffer.from(`${time} `)] : []),
      bytes,
      ...(isWhole ? [NEWLINE] : []),
    ];
  }
}

const NEWLINE = Buffer.from("\n");
