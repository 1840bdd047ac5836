/** Pulls and pushes while they go on: bars in a terminal, lines elsewhere, or nothing. */
import { isatty } from "node:tty";
import type { OnProgress, TransferPhase, TransferProgress } from "../images/progress.ts";
import { familiar, parseReference } from "../oci/reference.ts";
import { print, printError } from "./output.ts";
import { ProgressBlock, type Screen } from "./progress-block.ts";
import { formatStep, ShownLayer, type TransferVerb } from "./progress-line.ts";
import { visible } from "./visible.ts";

export interface ProgressOptions {
  readonly verb: TransferVerb;
  /** Where it is shown: stdout for a command that pulls, stderr for one that does it by the way. */
  readonly descriptor: 1 | 2;
  /** Nothing is shown. */
  readonly quiet?: boolean;
  /** One of several images: what became of them is told at the end, by the caller. */
  readonly isOneOfSeveral?: boolean;
}

/** Disposed of, it leaves in the terminal what was shown last. */
export interface ShownProgress extends Disposable {
  readonly onProgress: OnProgress;
  /** A line below what is shown. */
  say(line: string): void;
}

export function showProgress(options: ProgressOptions): ShownProgress {
  const { descriptor, quiet = false } = options;
  if (quiet) return new QuietProgress();
  const write = descriptor === 1 ? print : printError;
  if (!isatty(descriptor) || process.env["TERM"] === "dumb")
    return new PlainProgress(write, options);
  return new TerminalProgress(screenOf(descriptor, write), options);
}

function screenOf(descriptor: 1 | 2, write: (text: string) => void): Screen {
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  return {
    write,
    size() {
      const [columns, rows] = stream.getWindowSize();
      return { columns: columns || 80, rows: rows || 24 };
    },
  };
}

class QuietProgress implements ShownProgress {
  onProgress(): void {
    // nothing is shown
  }

  say(): void {
    // nothing is said
  }

  [Symbol.dispose](): void {
    // nothing was begun
  }
}

type Writing = (text: string) => void;

/** What is said of an image as a whole, in Docker's words. */
class ImageWords {
  readonly #options: ProgressOptions;
  #digest: string | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  lines({ reference, phase, digest, isNew }: TransferProgress): readonly string[] {
    if (this.#options.verb === "push" || reference === undefined) return [];
    if (phase === "resolved") {
      this.#digest = digest;
      return [pullingFrom(reference)];
    }
    if (phase !== "done") return [];
    const digests = this.#digest === undefined ? [] : [`Digest: ${this.#digest}`];
    if (this.#options.isOneOfSeveral === true) return digests;
    return [...digests, statusLine(familiar(parseReference(reference)), isNew === true)];
  }
}

/** `latest: Pulling from library/busybox`. */
function pullingFrom(reference: string): string {
  const { path, tag, digest } = parseReference(reference);
  return `${digest === undefined ? tag : visible(reference)}: Pulling from ${path}`;
}

/** `Status: Downloaded newer image for busybox:latest`. */
export function statusLine(name: string, isNew: boolean): string {
  return `Status: ${isNew ? "Downloaded newer image" : "Image is up to date"} for ${name}`;
}

/** A line for each step of a layer; how far it is, is not told. */
export class PlainProgress implements ShownProgress {
  readonly onProgress: OnProgress;
  readonly #write: Writing;
  /** By layer, what happened last, and what was said of it. */
  readonly #told = new Map<string, { readonly phase: TransferPhase; readonly line: string }>();

  constructor(write: Writing, options: ProgressOptions) {
    const words = new ImageWords(options);
    this.#write = write;
    this.onProgress = (progress) => {
      const { layer, phase } = progress;
      if (layer === undefined) {
        for (const line of words.lines(progress)) this.say(line);
        if (phase === "done") this.#told.clear();
        return;
      }
      const last = this.#told.get(layer);
      if (phase === "done" && last?.phase === "exists") return;
      const line = formatStep(progress, options.verb);
      this.#told.set(layer, { phase, line });
      if (phase === "downloading" || phase === "unpacking" || phase === "uploading") return;
      if (last?.line !== line) this.say(line);
    };
  }

  say(line: string): void {
    this.#write(`${line}\n`);
  }

  [Symbol.dispose](): void {
    this.#told.clear();
  }
}

/** An eye follows ten drawings a second. */
const DRAWN_EVERY_MS = 100;
const COUNTED_EVERY_MS = 1_000;

/** One line for each layer, drawn again as it goes on. */
export class TerminalProgress implements ShownProgress {
  readonly onProgress: OnProgress;
  readonly #screen: Screen;
  readonly #block: ProgressBlock;
  readonly #verb: TransferVerb;
  readonly #layers = new Map<string, ShownLayer>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due. */
  #due = Infinity;
  /** Why it could not be drawn, for the next who tells us something. */
  #failure: { readonly error: unknown } | undefined;

  constructor(screen: Screen, options: ProgressOptions) {
    const words = new ImageWords(options);
    this.#screen = screen;
    this.#block = new ProgressBlock(screen);
    this.#verb = options.verb;
    this.onProgress = (progress) => {
      if (this.#failure !== undefined) throw this.#failure.error;
      const { layer, phase } = progress;
      if (layer !== undefined) return this.#tell(layer, progress);
      if (phase === "done") this.#leave();
      for (const line of words.lines(progress)) this.say(line);
    };
    process.on("SIGWINCH", this.#redraw);
    process.on("SIGCONT", this.#resume);
  }

  say(line: string): void {
    this.#leave();
    this.#screen.write(`${line}\n`);
  }

  [Symbol.dispose](): void {
    process.off("SIGWINCH", this.#redraw);
    process.off("SIGCONT", this.#resume);
    this.#stopTimer();
    if (this.#failure !== undefined) return;
    try {
      this.#leave();
    } catch {
      // nobody is there to see it
    }
  }

  #tell(layer: string, progress: TransferProgress): void {
    const shown = this.#layers.get(layer);
    if (shown === undefined) this.#layers.set(layer, new ShownLayer(progress, performance.now()));
    else shown.tell(progress, performance.now());
    this.#drawIn(DRAWN_EVERY_MS);
  }

  #drawIn(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(this.#redraw, delayMs);
    this.#timer.unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  readonly #redraw = (): void => {
    this.#stopTimer();
    if (this.#layers.size === 0 || this.#failure !== undefined) return;
    try {
      this.#block.draw(this.#lines());
    } catch (error) {
      this.#failure = { error };
      return;
    }
    if ([...this.#layers.values()].some(({ counts }) => counts)) this.#drawIn(COUNTED_EVERY_MS);
  };

  /** We were stopped, and a shell has written since. */
  readonly #resume = (): void => {
    this.#block.forget();
    this.#redraw();
  };

  #lines() {
    const { columns } = this.#screen.size();
    const now = performance.now();
    return Array.from(this.#layers, ([key, layer]) => {
      return { key, text: layer.line(this.#verb, columns - 1, now), isFinal: layer.isFinal };
    });
  }

  #leave(): void {
    this.#stopTimer();
    if (this.#layers.size === 0) return;
    this.#block.leave(this.#lines());
    this.#layers.clear();
  }
}
