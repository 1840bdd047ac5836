/** A terminal with a program in it, as in a window: typed at, looked at, resized, closed. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { terminalProgram } from "../../fixtures/terminal.mjs";
import { eventually } from "./eventually.ts";

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Patience for what a container's start or a package's installation takes. */
const WITHIN_MS = 30_000;

export class TestTerminal implements AsyncDisposable {
  /** The mode (tcgetattr) before the program started. */
  readonly before: Promise<string>;
  readonly #driver: ChildProcess;
  readonly #reports: string[] = [];
  #text = "";
  #seen = 0;

  constructor(argv: readonly string[], options: TerminalOptions = {}) {
    const { columns = 80, rows = 24, env = process.env, cwd } = options;
    this.#driver = spawn(terminalProgram(), [String(columns), String(rows), ...argv], {
      stdio: ["pipe", "pipe", "inherit", "pipe", "pipe"],
      env,
      cwd,
    });
    this.#driver.stdout?.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
    });
    let rest = "";
    (this.#driver.stdio[4] as Readable).on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      this.#reports.push(...lines);
    });
    for (const stream of this.#driver.stdio) stream?.on("error", () => undefined);
    this.before = this.#report(/^mode (.*)/);
  }

  /** All that was shown. */
  get text(): string {
    return this.#text;
  }

  type(keys: string): void {
    this.#driver.stdin?.write(keys);
  }

  /** Waits until it shows `pattern` after what was waited for before; resolves to the match. */
  async shows(pattern: RegExp, withinMs = WITHIN_MS): Promise<RegExpExecArray> {
    const look = () => pattern.exec(this.#text.slice(this.#seen)) ?? undefined;
    try {
      const match = await eventually(String(pattern), look, withinMs);
      this.#seen += match.index + match[0].length;
      return match;
    } catch {
      const shown = JSON.stringify(this.#text.slice(this.#seen).slice(-2_000));
      throw new Error(`the terminal does not show ${String(pattern)}, but ${shown}`);
    }
  }

  resize(columns: number, rows: number): void {
    this.#command(`resize ${columns} ${rows}`);
  }

  /** The mode it has now. */
  mode(): Promise<string> {
    this.#command("mode");
    return this.#report(/^mode (.*)/);
  }

  async pid(): Promise<number> {
    return Number(await this.#report(/^pid (\d+)/));
  }

  /** Waits for the program's end: "exited 3", "killed 9". */
  ended(): Promise<string> {
    return this.#report(/^((?:exited|killed) \d+)/);
  }

  /** Waits until a signal has stopped it. */
  async stopped(): Promise<void> {
    await this.#report(/^(stopped)/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#driver;
    if (exitCode !== null || signalCode !== null) return;
    const closed = new Promise((resolve) => this.#driver.once("close", resolve));
    (this.#driver.stdio[3] as Writable).end();
    await closed;
  }

  #command(line: string): void {
    (this.#driver.stdio[3] as Writable).write(`${line}\n`);
  }

  /** The first report of that form, which is taken away. */
  async #report(pattern: RegExp): Promise<string> {
    return eventually(
      `the terminal to report ${String(pattern)}`,
      () => this.#take(pattern),
      WITHIN_MS,
    );
  }

  #take(pattern: RegExp): string | undefined {
    for (const [index, line] of this.#reports.entries()) {
      const found = pattern.exec(line)?.[1];
      if (found === undefined) continue;
      this.#reports.splice(index, 1);
      return found;
    }
    return undefined;
  }
}
