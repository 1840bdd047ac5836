/** Starts marmita-init, reads its events, sends its commands. */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { errnoName, errnoWords } from "../util/errno.ts";
import { binding, helperPath } from "./binding.ts";
import { EventQueue } from "./event-queue.ts";
import { forgetSealedHelper, sealedHelperPath } from "./sealed-helper.ts";

/** One line of marmita-init: `{ event: "started", pid: 12 }`. */
export type HelperEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** One line of an id map: `size` ids from `inside` are those from `outside` of the parent. */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly size: number;
}

/** A user namespace that lives as long as its descriptor. */
export interface UserNamespace {
  readonly fd: number;
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
  close(): void;
}

/** What marmita-init could not do, in its words. Callers wrap it in their `MarmitaError`. */
export class HelperFailure extends Error {
  /** A positive errno; 0 where the helper died without a word. */
  readonly errnum: number;
  /** Its name: `"ENOENT"`. */
  readonly errno: string;
  /** The words without those of the errno: `"exec /no/such"`. */
  readonly what: string;
  /** The operation of the plan that failed, where it was one. */
  readonly step: string | undefined;
  /** 125, 126 or 127, where it was the start of a container. */
  readonly exitCode: number | undefined;

  constructor(event: HelperEvent) {
    const errnum = Number(event["errno"] ?? 0);
    const what = typeof event["what"] === "string" ? event["what"] : "the helper failed";
    const errno = errnum === 0 ? "" : errnoName(errnum);
    super(errno === "" ? what : `${what}: ${errnoWords(errno)}`);
    this.errnum = errnum;
    this.errno = errno;
    this.what = what;
    this.step =
      typeof event["step"] === "string" && event["step"] !== "" ? event["step"] : undefined;
    this.exitCode = typeof event["exitCode"] === "number" ? event["exitCode"] : undefined;
  }

  static {
    Object.defineProperty(this.prototype, "name", { value: "HelperFailure" });
  }
}

interface EndStatus {
  readonly exitCode: number;
  readonly signal: number;
}

interface HelperOptions {
  readonly title?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** Descriptors 0, 1, 2, then 4 and on; -1 is /dev/null. They stay the caller's. */
  readonly stdio?: readonly [number, number, number] | undefined;
  readonly extra?: readonly number[] | undefined;
  /** Of what it executes, none can write to its file. */
  readonly isSealed?: boolean | undefined;
}

/** One process of marmita-init. */
export class Helper {
  readonly pid: number;
  /** Each event once, to one reader; ends when the process has ended and was reaped. */
  readonly events: AsyncIterable<HelperEvent>;
  /** Fulfilled when the process has ended and was reaped. */
  readonly ended: Promise<EndStatus>;
  readonly #socket: Socket;
  readonly #pidfd: number;
  readonly #queue = new EventQueue<HelperEvent>();
  #status: Promise<EndStatus> | undefined;

  private constructor(socket: Socket, pid: number, pidfd: number) {
    this.pid = pid;
    this.#socket = socket;
    this.#pidfd = pidfd;
    this.events = this.#queue;
    this.ended = new Promise((resolve) => this.#listen(resolve));
  }

  static start(verb: string, options: HelperOptions = {}): Helper {
    const { title = "marmita-init", args = [], stdio = [-1, -1, -1], extra = [] } = options;
    const [ours, theirs] = callAddon(() => binding().socketPair());
    try {
      const fds = [...stdio, theirs, ...extra];
      const argv = [title, verb, ...args];
      const { pid, pidfd } = options.isSealed === true ? spawnSealed(argv, fds) : spawn(argv, fds);
      return new Helper(new Socket({ fd: ours, readable: true, writable: true }), pid, pidfd);
    } catch (cause) {
      closeSync(ours);
      throw cause;
    } finally {
      closeSync(theirs);
    }
  }

  /** A command as a line: `signal 15`. After the end it goes nowhere. */
  send(line: string): void {
    if (this.#socket.writable) this.#socket.write(`${line}\n`);
  }

  /** Whether what it may still say keeps this process from ending. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Its process is about to end, and leaves the socket to another that lives on. */
  reap(): Promise<EndStatus> {
    this.#status ??= new Promise((resolve) => this.#reap(resolve));
    return this.#status;
  }

  /** Hear no more of it. */
  forget(): void {
    this.#socket.destroy();
  }

  #listen(resolve: (status: EndStatus) => void): void {
    let rest = "";
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#queue.push(JSON.parse(line) as HelperEvent);
    });
    this.#socket.on("error", () => undefined); // a reset is an end like others: "close" follows
    this.#socket.on("close", () => {
      void this.reap().then((status) => {
        this.#queue.end();
        resolve(status);
      });
    });
  }

  /** The socket closes a moment before the process can be reaped. */
  #reap(resolve: (status: EndStatus) => void, tries = 0): void {
    const status = binding().reap(this.#pidfd);
    if (status === undefined) {
      // At first at once; then without taking the processor that it may need to end.
      if (tries < EAGER_TRIES) setImmediate(() => this.#reap(resolve, tries + 1));
      else setTimeout(() => this.#reap(resolve, tries + 1), 1);
      return;
    }
    closeSync(this.#pidfd);
    resolve(status);
  }
}

type Spawned = ReturnType<ReturnType<typeof binding>["spawn"]>;

function spawn(argv: readonly string[], fds: readonly number[], file = helperPath()): Spawned {
  return callAddon(() => binding().spawn(file, argv, [`PATH=${path()}`], fds));
}

/** A policy may forbid to execute what is in memory only: then its own file is what there is. */
function spawnSealed(argv: readonly string[], fds: readonly number[]): Spawned {
  const file = sealedHelperPath();
  try {
    return spawn(argv, fds, file);
  } catch (cause) {
    const isForbidden = cause instanceof HelperFailure && cause.errno === "EACCES";
    if (!isForbidden || file === helperPath()) throw cause;
    forgetSealedHelper();
    return spawn(argv, fds);
  }
}

function path(): string {
  return process.env["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/** Calls the addon: what it could not do is told like what the helper could not. */
export function callAddon<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { errno, message } = cause as { readonly errno?: number; readonly message: string };
    if (errno === undefined) throw cause;
    throw new HelperFailure({ event: "failed", errno, what: message });
  }
}

const EAGER_TRIES = 4;

export interface VerbOptions {
  readonly args?: readonly string[];
  /** The verb's standard input; it stays the caller's. */
  readonly stdin?: number;
  /** The same, for what it writes. */
  readonly stdout?: number | undefined;
  /** Carry it out as root of this user namespace. */
  readonly namespace?: UserNamespace;
  /** A descriptor that the verb keeps open, with the lock it holds, to its end; the caller's too. */
  readonly held?: number | undefined;
  /** A descriptor that tells the verb something; the caller's too. */
  readonly news?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** When aborted, the verb is asked to end, for it undoes what it has begun; killed if it lingers. */
  readonly endsByItself?: boolean;
  readonly onEvent?: (event: HelperEvent) => void;
  /** When it is fulfilled, the verb is told `ready`. */
  readonly ready?: Promise<unknown> | undefined;
}

/**
 * Run a verb to its end; resolves to its last event, `{ event: "done" }` for a verb without any.
 * Rejects with a `HelperFailure`, or with an `AbortError` once the aborted process has ended.
 */
export async function runVerb(verb: string, options: VerbOptions = {}): Promise<HelperEvent> {
  const { args = [], stdin = -1, stdout = -1, namespace, signal, onEvent, ready } = options;
  const { held, news, endsByItself = false } = options;
  throwIfAborted(signal);
  const helper = Helper.start(verb, {
    args: namespace === undefined ? args : ["--userns", ...args],
    stdio: [stdin, stdout, -1],
    extra: [namespace?.fd, held, news].filter((fd) => fd !== undefined),
  });
  const unhook = signal && endOnAbort(helper, signal, endsByItself ? LONGEST_END_MS : 0);
  ready?.then(
    () => helper.send("ready"),
    () => undefined, // whoever made it fail tells of it, and ends this one
  );
  let last: HelperEvent = { event: "done" };
  try {
    for await (const event of helper.events) {
      last = event;
      onEvent?.(event);
    }
  } finally {
    unhook?.();
  }
  const { exitCode, signal: killer } = await helper.ended;
  throwIfAborted(signal);
  if (last.event === "failed") throw new HelperFailure(last);
  if (exitCode !== 0 || killer !== 0) {
    const how = killer === 0 ? `exit code ${exitCode}` : `signal ${killer}`;
    throw new HelperFailure({ event: "failed", what: `marmita-init ${verb} ended with ${how}` });
  }
  return last;
}

/** A verb that undoes what it has begun takes no longer for that. */
const LONGEST_END_MS = 2_000;

/** The returned function is called when it has ended; its pid is its own as long as it is not reaped. */
function endOnAbort(helper: Helper, signal: AbortSignal, patienceMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const kill = () => process.kill(helper.pid, "SIGKILL");
  const unhook = onAbort(signal, () => {
    if (patienceMs === 0) return void kill();
    process.kill(helper.pid, "SIGTERM");
    timer = setTimeout(kill, patienceMs);
  });
  return () => {
    unhook();
    clearTimeout(timer);
  };
}

/** One container's keeper: `started` or `failed`, then `exited` when all is put away. */
export interface Keeper {
  readonly pid: number;
  readonly events: AsyncIterable<HelperEvent>;
  /** `signal 15` goes to the container's first process, `resize 80 24` to its terminal. */
  send(line: string): void;
  /** The keeper has ended and was reaped. */
  readonly ended: Promise<unknown>;
  /** Whether what it may still say keeps this process from ending. Default: it does. */
  hold(isHeld: boolean): void;
  /** With `detach`, once it has started: what was started here ends, and another one stays. */
  reap(): Promise<unknown>;
  /** Hear no more of it: the end of the container, unless that is detached. */
  forget(): void;
}

export interface KeeperOptions {
  /** What ps(1) shows of it after `marmita: keeper `. */
  readonly title: string;
  /** The plan's path. */
  readonly plan: string;
  readonly namespace: UserNamespace;
  /** The locked descriptor of live/<id>. All descriptors stay the caller's. */
  readonly live: number;
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** What the verb `run` is told beside the plan: native/init/run.c has the words. */
  readonly words?: readonly string[];
  /** The terminal that the caller makes raw: the keeper puts it back should the caller be killed. */
  readonly hostTerminal?: number | undefined;
}

/** Start a container. When this process dies, so does the container, unless told otherwise. */
export function spawnKeeper(options: KeeperOptions): Keeper {
  const { title, plan, namespace, live, stdin, stdout, stderr, words = [], hostTerminal } = options;
  const isShown = hostTerminal !== undefined;
  return Helper.start("run", {
    title: `marmita: keeper ${title}`,
    args: ["--userns", plan, ...words, ...(isShown ? ["host-terminal"] : [])],
    stdio: [stdin, stdout, stderr],
    extra: [namespace.fd, live, ...(isShown ? [hostTerminal] : [])],
  });
}

export interface StarterOptions {
  /** What ps(1) shows of it after `marmita: create `. */
  readonly title: string;
  /** The plan's path. */
  readonly plan: string;
  /** `stay`: the container dies with this process; native/init/create.c has the words. */
  readonly words?: readonly string[] | undefined;
  /** The command's own. All descriptors stay the caller's. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** What the command has as 3 and on; the plan's `preserve-fds` says how many there are. */
  readonly preserved?: readonly number[] | undefined;
  /** One end of `socketPair()`, whose other end is sent the terminal's master. */
  readonly console?: number | undefined;
}

/**
 * Start a bare container, up to where it waits for `start` (native/init/gate.h). Events: `hooks
 * {pid}`, answered by the order `go`; `created {pid}`, answered by `release`; `released`; with the
 * word `stay` then `exited {exitCode, signal}`. In their place `failed`. Until `released`, and with
 * `stay` to its end, the container dies when this process does.
 */
export function spawnStarter(options: StarterOptions): Keeper {
  const { title, plan, words = [], stdin, stdout, stderr, preserved = [], console } = options;
  const hasConsole = console !== undefined;
  return Helper.start("create", {
    isSealed: true,
    title: `marmita: create ${title}`,
    args: [plan, ...words, ...(hasConsole ? ["console"] : [])],
    stdio: [stdin, stdout, stderr],
    extra: [...(hasConsole ? [console] : []), ...preserved],
  });
}

/** Where the outcome of a start is read, by the path of the plan's `exec-fifo`. */
export function execResultPath(fifo: string): string {
  return `${fifo}.result`;
}

export interface WatcherOptions {
  /** What ps(1) shows of it after `marmita: exec `. */
  readonly title: string;
  /** A descriptor of the plan. All descriptors stay the caller's. */
  readonly plan: number;
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** What the verb `exec` is told beside the plan: native/init/exec.c has the words. */
  readonly words: readonly string[];
  /** As for a keeper. */
  readonly hostTerminal?: number | undefined;
}

/**
 * One more command in a container that runs: the same events as of a keeper, and one order more,
 * `end`. When this process dies, so does the command with all that descends from it.
 */
export function spawnWatcher(options: WatcherOptions): Keeper {
  const { title, plan, stdin, stdout, stderr, words, hostTerminal } = options;
  const isShown = hostTerminal !== undefined;
  return Helper.start("exec", {
    title: `marmita: exec ${title}`,
    args: [`/proc/self/fd/${FD_EXTRA}`, ...words, ...(isShown ? ["host-terminal"] : [])],
    stdio: [stdin, stdout, stderr],
    extra: [plan, ...(isShown ? [hostTerminal] : [])],
  });
}

/** The first of the descriptors beside 0, 1, 2 and the socket. */
export const FD_EXTRA = 4;

/** Lines for /proc/PID/uid_map. */
export function formatIdMap(extents: readonly IdExtent[]): string {
  return extents.map(({ inside, outside, size }) => `${inside} ${outside} ${size}\n`).join("");
}
