/** What a container wrote to its stdout and stderr, read back from its log. */
import { MarmitaError } from "../errors.ts";
import { abortError, throwIfAborted } from "../util/abort.ts";
import { parseMomentNano } from "../util/moment.ts";
import { noSuchContainer } from "./find.ts";
import { LineJoiner, type LogEntry, type LogsOptions } from "./log-entries.ts";
import { LogReader } from "./log-files.ts";
import { type LogLine, logTime } from "./log-lines.ts";
import { LogWatch } from "./log-watch.ts";
import { findRecord } from "./records.ts";
import type { Subject } from "./subject.ts";

/** The options are checked. Throws `UNSUPPORTED` for a container without a log, `NOT_FOUND`. */
export async function* readEntries(
  subject: Subject,
  options: LogsOptions,
): AsyncGenerator<LogEntry> {
  const { record } = subject;
  const joined = { stdout: new LineJoiner(record.tty), stderr: new LineJoiner(record.tty) };
  for await (const lines of readLines(subject, options)) {
    for (const line of lines) {
      const entry = joined[line.stream].add(line);
      if (entry !== undefined) yield entry;
    }
  }
  const last = [joined.stdout.end(), joined.stderr.end()].filter((one) => one !== undefined);
  yield* last.sort((one, other) => (one.time < other.time ? -1 : 1));
}

/** The same as lines of the file, as many at a time as were read at once. */
export async function* readLines(
  subject: Subject,
  { follow = false, tail, since, until, signal }: LogsOptions,
): AsyncGenerator<readonly LogLine[]> {
  throwIfAborted(signal);
  const [from, to] = [since, until].map((moment) => moment && logTime(parseMomentNano(moment)));
  const directory = await directoryOf(subject);
  using watch = follow ? await LogWatch.begin(subject, signal) : undefined;
  await using reader = await LogReader.open(directory);
  let lines = tail === undefined ? [] : await reader.seekTail({ count: tail, until: to });
  for (;;) {
    const wanted = from === undefined ? lines : lines.filter(({ time }) => time >= from);
    const end = to === undefined ? -1 : wanted.findIndex(({ time }) => time > to);
    const chosen = end < 0 ? wanted : wanted.slice(0, end);
    if (chosen.length > 0) yield chosen;
    if (signal?.aborted === true) throw abortError(signal);
    if (end >= 0) return;
    // Both are asked first: what is written before is read below.
    const isOver = watch?.isOver !== false || isPast(to);
    watch?.rearm();
    lines = await reader.read();
    if (lines.length > 0) continue;
    if (isOver) break;
    await watch?.change(to);
  }
  const torn = reader.end();
  if (torn.length > 0) yield torn;
}

function isPast(moment: string | undefined): boolean {
  return moment !== undefined && moment < logTime(BigInt(Date.now()) * 1_000_000n);
}

async function directoryOf({ context: { paths }, record }: Subject): Promise<string> {
  const { id, name, log, remove } = record;
  if ((await findRecord(paths, id)) === undefined) throw noSuchContainer(name);
  if (log !== undefined) return paths.container(id);
  throw new MarmitaError("UNSUPPORTED", `container ${name} keeps no log`, {
    hint: remove
      ? 'It goes when it ends; with the log driver "k8s-file" it has a log until then.'
      : 'It was made with the log driver "none".',
    details: { container: id },
  });
}
