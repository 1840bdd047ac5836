/** What is asked of a log, and what is had: lines of its file → lines of output. */
import { StringDecoder } from "node:string_decoder";
import type { LogLine } from "./log-lines.ts";

export interface LogsOptions {
  /** Wait for more, also while it is started again, until it has ended for good. */
  readonly follow?: boolean | undefined;
  /** Only the last so many lines. Default: all that are kept. */
  readonly tail?: number | undefined;
  /** From this moment on: a time, or how long ago, as in `parseMoment()`. */
  readonly since?: string | Date | undefined;
  /** Up to this moment; with `follow`, it ends when that has come. */
  readonly until?: string | Date | undefined;
  /** Ends the reading with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/** One line of output. */
export interface LogEntry {
  /** With `tty` all is `stdout`. */
  readonly stream: "stdout" | "stderr";
  /** Without the end of the line. */
  readonly text: string;
  /** When it was read from the container's process: RFC 3339 with nine digits after the point. */
  readonly time: string;
  /**
   * There is no end of a line behind it: it is the last of its stream and was never ended, or, being
   * longer than 1 MiB, it goes on in the next entry.
   */
  readonly isPartial?: true;
}

const MOST_BYTES = 1024 * 1024;

/** The lines of one stream. */
export class LineJoiner {
  readonly #isTerminal: boolean;
  readonly #decoder = new StringDecoder("utf8");
  #parts: LogLine[] = [];
  #bytes = 0;
  /** A part of this line was given out. */
  #isOpen = false;

  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal;
  }

  /** `undefined` while the end of the line is missing. */
  add(line: LogLine): LogEntry | undefined {
    const { stream, time, isWhole, bytes } = line;
    if (isWhole && this.#parts.length === 0 && !this.#isOpen) {
      return { stream, text: this.#cut(bytes.toString()), time };
    }
    this.#parts.push(line);
    this.#bytes += bytes.length;
    if (isWhole) return this.#take(line);
    return this.#bytes < MOST_BYTES ? undefined : this.#takePart(line);
  }

  /** Nothing more comes. */
  end(): LogEntry | undefined {
    const last = this.#parts.at(-1);
    return last === undefined ? undefined : this.#takePart(last);
  }

  #take({ stream, time: now }: LogLine): LogEntry {
    const time = this.#parts[0]?.time ?? now;
    const text = this.#cut(this.#join() + this.#decoder.end());
    this.#isOpen = false;
    return { stream, text, time };
  }

  #takePart({ stream, time: now }: LogLine): LogEntry {
    const time = this.#parts[0]?.time ?? now;
    const text = this.#join();
    this.#isOpen = true;
    return { stream, text, time, isPartial: true };
  }

  #join(): string {
    const text = this.#decoder.write(Buffer.concat(this.#parts.map(({ bytes }) => bytes)));
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }

  /** A terminal ends its lines with two characters. */
  #cut(text: string): string {
    return this.#isTerminal && text.endsWith("\r") ? text.slice(0, -1) : text;
  }
}
