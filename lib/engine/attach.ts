/** Attached to a container that runs, whoever started it: its streams and its end. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import {
  type AttachWords,
  type AttachedStreams,
  type KeeperConnection,
  type KeeperHello,
  exitOf,
} from "../runtime/keeper-socket.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { throwIfAborted } from "../util/abort.ts";
import { AttachedLife, AttachedProcess } from "./attached-process.ts";
import { recordContainer } from "./events.ts";
import { speakToKeeper } from "./keepers.ts";
import type { Subject } from "./subject.ts";

export interface AttachOptions {
  /** Default: `pipe` where the container's stdin is open, else `ignore`. */
  readonly stdin?: "pipe" | "ignore" | undefined;
  /** Default: `pipe`. Who does not read stops the container's process. */
  readonly stdout?: "pipe" | "ignore" | undefined;
  /** Default: `pipe`. */
  readonly stderr?: "pipe" | "ignore" | undefined;
  /** When what is written here ends, or when we leave, the container's stdin ends. */
  readonly stdinOnce?: boolean | undefined;
  /** Leaves the container, which runs on; `wait()` rejects with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The options are checked. Throws `CONFLICT` for a container that does not run, or is paused, or
 * waits for its next start; `UNSUPPORTED` for one whose streams are those of who started it.
 */
export async function attachContainer(
  subject: Subject,
  options: AttachOptions,
): Promise<AttachedProcess> {
  const { record, context } = subject;
  const { signal } = options;
  throwIfAborted(signal);
  const { status } = await subject.state();
  if (status !== "running") throw conflict(subject, status);
  const line = new Line(subject, signal);
  const life = new AttachedLife(subject);
  try {
    const control = await line.connect((exit) => life.end(exit));
    if (control.hello.restarting) throw conflict(subject, "restarting");
    const streams = await attachStreams(line, control.hello, options);
    recordContainer(context, "attach", { container: record });
    const process = new AttachedProcess({
      pid: control.hello.pid,
      life,
      connections: [control, ...line.opened.filter((one) => one !== control)],
      streams,
      hasTerminal: control.hello.tty,
      isShown: options.stdout !== "ignore",
      onDetach: () => recordContainer(context, "detach", { container: record }),
    });
    life.watch(control, signal, () => process.detach());
    return process;
  } catch (error) {
    for (const connection of line.opened) connection.close();
    throw isMarmitaError(error) && error.errno === "ENOTSUP" ? direct(subject, error) : error;
  }
}

/** Connections to one keeper. */
class Line {
  readonly subject: Subject;
  readonly opened: KeeperConnection[] = [];
  readonly #signal: AbortSignal | undefined;

  constructor(subject: Subject, signal: AbortSignal | undefined) {
    this.subject = subject;
    this.#signal = signal;
  }

  /** `onEnd` is called when the process ends, also where it will be started again. */
  async connect(onEnd: (exit: ExitStatus) => void = () => undefined): Promise<KeeperConnection> {
    const { context, record } = this.subject;
    const connection = await speakToKeeper(context, record, {
      signal: this.#signal,
      onEvent: (event) => {
        if (event.event === "died" || event.event === "exited") onEnd(exitOf(event));
      },
    });
    if (connection === undefined) throw await gone(this.subject);
    this.opened.push(connection);
    return connection;
  }
}

async function attachStreams(
  line: Line,
  { openStdin, tty }: KeeperHello,
  { stdin, stdout = "pipe", stderr = "pipe", stdinOnce = false }: AttachOptions,
): Promise<AttachedStreams> {
  const { subject } = line;
  const isTyping = stdin === undefined ? subject.record.openStdin : stdin === "pipe";
  if (isTyping && !openStdin && !tty) throw closedStdin(subject);
  const shown = await attachOutput(line, {
    stdout: tty || stdout === "pipe",
    stderr: stderr === "pipe",
  });
  if (shown === undefined) throw await gone(subject);
  if (!isTyping) return shown;
  const typed = await (await line.connect()).attach({ stdin: true, once: stdinOnce });
  if (typed === undefined) throw await gone(subject);
  return { ...shown, ...typed };
}

/** Up to the end of this run, which may be told in the same breath as the hello. */
async function attachOutput(line: Line, words: AttachWords): Promise<AttachedStreams | undefined> {
  let isOver = false;
  let leave = (): void => undefined;
  const output = await line.connect(() => {
    isOver = true;
    leave();
  });
  const shown = await output.attach(words);
  leave = () => output.close();
  if (isOver) leave();
  return shown;
}

const NEXT: Readonly<Record<string, string>> = {
  created: "Start it first, or with it: marmita start -ai.",
  exited: "Start it first, or with it: marmita start -ai.",
  paused: "Unpause it first: marmita unpause.",
  restarting: "Wait until it runs again.",
};

function conflict({ record: { id, name } }: Subject, state: string): MarmitaError {
  const what = state === "created" || state === "exited" ? "is not running" : `is ${state}`;
  return new MarmitaError("CONFLICT", `container ${name} ${what}`, {
    hint: NEXT[state],
    details: { container: id, state },
  });
}

/** Nobody is there to attach to. */
async function gone(subject: Subject): Promise<MarmitaError> {
  const state = await subject.state();
  if (state.status !== "running") return conflict(subject, state.status);
  return new MarmitaError("UNAVAILABLE", `nobody can attach to container ${subject.record.name}`, {
    hint: "Its keeper could not make a socket, or has as many clients as it takes.",
    details: { container: subject.record.id },
  });
}

function closedStdin({ record: { id, name } }: Subject): MarmitaError {
  return new MarmitaError("CONFLICT", `the stdin of container ${name} is not open`, {
    hint: "Make it with -i, or with openStdin.",
    details: { container: id, state: "running" },
  });
}

function direct({ record: { id, name } }: Subject, cause: MarmitaError): MarmitaError {
  return new MarmitaError(
    "UNSUPPORTED",
    `the streams of container ${name} are those of the process that started it`,
    {
      hint: "So it is in the foreground without a log and without a terminal; with a log many can attach.",
      details: { container: id },
      cause,
    },
  );
}
