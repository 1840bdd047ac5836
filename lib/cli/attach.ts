/** A foreground process: its streams and ours joined by pipes, our signals passed on to it. */
import { constants } from "node:os";
import { type Readable, type Writable, Writable as WritableStream } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isStreamEnd } from "../util/stream-end.ts";
import { DetachKeys } from "./detach-keys.ts";
import { EXIT_UNREAD, isGone } from "./output.ts";

/** What is needed of a running process. */
export interface Attachable {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  wait(): Promise<{ readonly exitCode: number }>;
  kill(signal: number): void;
  /** It goes on without us. */
  detach?(): Promise<void>;
}

/** Our own ends: `process`, but for tests. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export interface AttachSettings {
  /** Typed one after the other they let go of the process. */
  readonly detachKeys?: Uint8Array | undefined;
  /** Called when they were typed. */
  readonly onDetach?: (() => void) | undefined;
  /** The keys are looked for even where the process reads nothing; what else is typed is lost. */
  readonly watchKeys?: boolean | undefined;
  /** It was there before us: it goes on when nobody reads what we print. */
  readonly outlives?: boolean | undefined;
  /** Lets go of the process when it is aborted. */
  readonly leave?: AbortSignal | undefined;
}

/**
 * Carries bytes until the process and its streams have ended; resolves to its exit code, to 0 when
 * it was let go of. The descriptors of the terminal are never given to the container: a program
 * inside could type into it, and would find it non-blocking.
 *
 * When nobody reads what we print, the process is killed, and the code is that of SIGPIPE: the
 * signal itself would do nothing, for the kernel keeps it from the first process of a container.
 */
export async function attach(
  running: Attachable,
  terminal: Terminal,
  settings: AttachSettings = {},
): Promise<number> {
  const attachment = new Attachment(running, settings);
  const { leave } = settings;
  const onLeave = () => attachment.leave();
  leave?.addEventListener("abort", onLeave, { once: true });
  if (leave?.aborted === true) onLeave();
  try {
    return await Promise.race([attachment.seeThrough(terminal), attachment.left]);
  } finally {
    leave?.removeEventListener("abort", onLeave);
    attachment.end();
  }
}

class Attachment {
  /** Resolves to the exit code once we have left. */
  readonly left: Promise<number>;
  readonly #running: Attachable;
  readonly #settings: AttachSettings;
  readonly #over = new AbortController();
  #isLeft = false;
  #leave: (left: Promise<number>) => void = () => undefined;

  constructor(running: Attachable, settings: AttachSettings) {
    this.#running = running;
    this.#settings = settings;
    this.left = new Promise((resolve) => (this.#leave = resolve));
    this.left.catch(() => undefined); // told by who waits for it
  }

  async seeThrough({ stdin, stdout, stderr }: Terminal): Promise<number> {
    const running = this.#running;
    const input = this.#carryInput(stdin);
    input.catch(() => undefined); // told when the process has ended
    try {
      const [{ exitCode }, ...areRead] = await Promise.all([
        running.wait(),
        this.#carryOutput(running.stdout, stdout),
        this.#carryOutput(running.stderr, stderr),
      ]);
      this.end();
      await input;
      return areRead.every(Boolean) ? exitCode : EXIT_UNREAD;
    } catch (error) {
      if (this.#isLeft) return this.left; // of what we let go
      throw error;
    }
  }

  /** Resolves to the exit code then, or rejects. Twice is fine. */
  leave(how: () => number = () => 0): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#leave(Promise.resolve(this.#running.detach?.()).then(how));
  }

  end(): void {
    this.#over.abort();
  }

  /**
   * Resolves to whether all of it was taken. No pipeline(): it would close our end of the pipe as
   * soon as nobody reads, and the process, not yet killed, would complain of it.
   */
  async #carryOutput(source: Readable | undefined, sink: Writable): Promise<boolean> {
    if (source === undefined) return true;
    sink.on("error", () => {}); // told by write(), too
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false })) {
        await write(sink, chunk);
      }
      return true;
    } catch (error) {
      if (this.#isLeft) return true;
      this.#giveUp(error);
      if (!isEnd(error)) throw error;
      return false;
    }
  }

  /** We cannot go on; whether it can is another question. */
  #giveUp(error: unknown): void {
    if (this.#settings.outlives !== true) {
      this.#running.kill(constants.signals.SIGKILL);
      return;
    }
    this.leave(() => {
      if (isEnd(error)) return EXIT_UNREAD;
      throw error;
    });
  }

  /** The process may stop reading, or end, long before our stdin does. */
  async #carryInput(source: Readable): Promise<void> {
    const { detachKeys, watchKeys = false } = this.#settings;
    const { signal } = this.#over;
    const sink = this.#running.stdin ?? (watchKeys ? nowhere() : undefined);
    if (sink === undefined) return;
    try {
      if (detachKeys === undefined) await pipeline(source, sink, { signal });
      else await pipeline(source, this.#watch(detachKeys), sink, { signal });
    } catch (error) {
      if (signal.aborted || this.#isLeft || isEnd(error)) return;
      this.#giveUp(error);
      throw error;
    }
  }

  /** All but the keys; after them nothing, and no end. */
  #watch(keys: Uint8Array): (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
    const search = new DetachKeys(keys);
    const leave = () => {
      this.#settings.onDetach?.();
      this.leave();
    };
    const over = new Promise<void>((resolve) => {
      this.#over.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return async function* (source) {
      for await (const chunk of source) {
        const { bytes, isDetached } = search.push(chunk);
        if (bytes.length > 0) yield bytes;
        if (!isDetached) continue;
        leave();
        await over;
        return;
      }
      const held = search.end();
      if (held.length > 0) yield held;
    };
  }
}

/** Resolves when the chunk is out: what we have not written we do not read. */
function write(sink: Writable, chunk: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

function nowhere(): Writable {
  return new WritableStream({ write: (_chunk, _encoding, done) => done() });
}

function isEnd(error: unknown): boolean {
  return isGone(error) || isStreamEnd(error);
}

/** What Docker passes on: all that can be caught, but what is about our own children and output. */
export const PROXIED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGWINCH",
  "SIGCONT",
] as const;

const ENDING = new Set<string>(["SIGINT", "SIGTERM"]);

/** What has no meaning for an end, but for a terminal or for us. */
const HARMLESS = new Set<string>(["SIGWINCH", "SIGCONT"]);

/** How long a process may take to end when its terminal has hung up. */
const HANGUP_MS = 1_000;

/** So many requests to end are obeyed by force. */
const PATIENCE = 3;

export interface ProxiedSignals {
  /**
   * From here on signals go to the process, and `onForce` hears when it is killed; one that came
   * before it started is in `early`.
   */
  to(running: Pick<Attachable, "kill">, onForce?: () => void): void;
  /**
   * From here on a signal to end ends us, as under Docker with a terminal: the process is told
   * that its terminal hangs up, and killed when it goes on. Its keys are what it gets signals by.
   */
  hangUp(running: Pick<Attachable, "kill">): void;
  /** The signal by which it hung up. */
  readonly hungUpBy: number | undefined;
  /** Aborted by the first signal to end that comes before there is a process. */
  readonly early: AbortSignal;
  stop(): void;
}

/** Catches signals from now on. With `proxy` false they have their usual effect afterwards. */
export function catchSignals(options: { readonly proxy: boolean }): ProxiedSignals {
  const early = new AbortController();
  const { SIGHUP, SIGKILL } = constants.signals;
  let target: Pick<Attachable, "kill"> | undefined;
  let onForced: (() => void) | undefined;
  let asked = 0;
  let hungUpBy: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let receive = (name: NodeJS.Signals, number: number): void => {
    if (!HARMLESS.has(name)) early.abort(number);
  };
  const pass = (name: NodeJS.Signals, number: number): void => {
    if (ENDING.has(name)) asked++;
    if (asked >= PATIENCE) onForced?.();
    target?.kill(asked >= PATIENCE ? SIGKILL : number);
  };
  const hangUp = (name: NodeJS.Signals, number: number): void => {
    if (HARMLESS.has(name)) return;
    target?.kill(hungUpBy === undefined ? SIGHUP : SIGKILL);
    hungUpBy ??= number;
    timer ??= setTimeout(() => target?.kill(SIGKILL), HANGUP_MS);
  };
  const onSignal = (name: NodeJS.Signals) => receive(name, constants.signals[name]);
  const stop = () => {
    clearTimeout(timer);
    for (const name of PROXIED) process.off(name, onSignal);
  };
  for (const name of PROXIED) process.on(name, onSignal);
  return {
    early: early.signal,
    to: (running, onForce) => {
      onForced = onForce;
      target = running;
      receive = pass;
      if (!options.proxy) stop();
    },
    hangUp: (running) => {
      target = running;
      receive = hangUp;
    },
    get hungUpBy() {
      return hungUpBy;
    },
    stop,
  };
}
