/** Lines of a container's log, in the format that Kubernetes has for them (CRI). */

/** One line of the file: a line of output, or a part of one. */
export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 in UTC, with nine digits after the point: such texts compare as the times do. */
  readonly time: string;
  /** False: the next line of this stream goes on where this one ends. */
  readonly isWhole: boolean;
  /** Without the end of the line. They share memory with what was parsed. */
  readonly bytes: Buffer;
}

const NANO_PER_S = 1_000_000_000n;
const NEWLINE = 0x0a;
const BLANK = 0x20;
/** `2026-11-22T09:00:00.123456789Z` */
const TIME_LENGTH = 30;
/** `stdout` and `stderr`, and a blank on both sides. */
const TAG_AT = TIME_LENGTH + 8;
const TEXT_AT = TAG_AT + 2;
const LETTER = { o: 0x6f, e: 0x65, F: 0x46, P: 0x50 } as const;

/** `undefined` for what is none: what was torn off when its writer was killed. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const [letter, tag] = [line[TIME_LENGTH + 4], line[TAG_AT]];
  const isForm =
    line.length >= TEXT_AT &&
    line[TIME_LENGTH] === BLANK &&
    line[TAG_AT - 1] === BLANK &&
    line[TAG_AT + 1] === BLANK &&
    (letter === LETTER.o || letter === LETTER.e) &&
    (tag === LETTER.F || tag === LETTER.P);
  if (!isForm) return undefined;
  return {
    stream: letter === LETTER.o ? "stdout" : "stderr",
    time: line.toString("latin1", 0, TIME_LENGTH),
    isWhole: tag === LETTER.F,
    bytes: line.subarray(TEXT_AT),
  };
}

/** Bytes, cut anywhere → lines. */
export class LogSplitter {
  #rest: Buffer[] = [];

  /** The lines that are whole by now. The chunk is theirs from here on. */
  push(chunk: Buffer): LogLine[] {
    const lines: LogLine[] = [];
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      const end = chunk.subarray(from, to);
      const line = this.#rest.length === 0 ? end : Buffer.concat([...this.#rest, end]);
      this.#rest = [];
      const parsed = parseLogLine(line);
      if (parsed !== undefined) lines.push(parsed);
      from = to + 1;
    }
    if (from < chunk.length) this.#rest.push(chunk.subarray(from));
    return lines;
  }

  /** Nothing more comes: what there is of a last line whose writer was killed. */
  end(): LogLine[] {
    const line = parseLogLine(Buffer.concat(this.#rest));
    this.#rest = [];
    return line === undefined ? [] : [{ ...line, isWhole: false }];
  }
}

/** As in the file. */
export function logTime(nano: bigint): string {
  const known = nano < 0n ? 0n : nano; // nothing was written before 1970
  const seconds = new Date(Number(known / NANO_PER_S) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(known % NANO_PER_S).padStart(9, "0")}Z`;
}
