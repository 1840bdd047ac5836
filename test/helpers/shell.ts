/** A shell in a terminal, with the built `marmita` on its PATH. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROGRAM } from "../integration/cli-command.ts";
import { temporaryFolder } from "./folder.ts";
import { TestTerminal } from "./terminal.ts";

const PROMPT = "host$ ";

/** Its terminal is wide enough for the table of `ps`. */
export class Shell implements AsyncDisposable {
  readonly #terminal: TestTerminal;

  private constructor(terminal: TestTerminal) {
    this.#terminal = terminal;
  }

  static async open(root: string): Promise<Shell> {
    const folder = await temporaryFolder();
    const program = join(folder, "marmita");
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
    await chmod(program, 0o755);
    const env = {
      ...process.env,
      MARMITA_ROOT: root,
      PATH: `${folder}:${process.env["PATH"] ?? ""}`,
      PS1: PROMPT,
    };
    const argv = ["bash", "--norc", "--noprofile", "--noediting", "-i"];
    const shell = new Shell(new TestTerminal(argv, { columns: 200, rows: 50, env }));
    await shell.prompt();
    return shell;
  }

  /** A line, and the return key. */
  type(line: string): void {
    this.press(`${line}\r`);
  }

  press(keys: string): void {
    this.#terminal.type(keys);
  }

  async shows(pattern: RegExp): Promise<string> {
    return (await this.#terminal.shows(pattern))[0];
  }

  /** Until it may be typed at. */
  async prompt(): Promise<string> {
    return this.shows(/(?:^|[^])*?host\$ $/);
  }

  /** What a command prints until the next prompt. */
  async lines(command: string): Promise<readonly string[]> {
    this.type(command);
    const shown = Buffer.from(await this.prompt(), "latin1").toString(); // its text is bytes
    const lines = shown.slice(0, -PROMPT.length).split("\r\n");
    if (lines.shift() !== command || lines.pop() !== "")
      throw new Error(`not shown whole: ${shown}`);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal[Symbol.asyncDispose]();
  }
}
