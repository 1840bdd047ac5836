/** The built command `marmita`, as a shell would call it. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eventually } from "../helpers/eventually.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { busyboxArchive } from "../helpers/images.ts";

/** What a shell would execute. */
export const PROGRAM = fileURLToPath(new URL("../../dist/bin/marmita.js", import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** The command over a data root of its own. */
export class Cli {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Runs to its end. Without `input`, stdin is /dev/null. */
  async call(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
    const { input, ...rest } = options;
    const called = this.start(args, { ...rest, stdin: input === undefined ? "ignore" : "pipe" });
    called.child.stdin?.end(input);
    return called.ended;
  }

  start(
    args: readonly string[],
    options: Omit<CallOptions, "input"> & { readonly stdin?: "ignore" | "pipe" } = {},
  ): Called {
    const { stdin = "ignore", env, ...rest } = options;
    return new Called(
      spawn(process.execPath, [PROGRAM, ...args], {
        stdio: [stdin, "pipe", "pipe"],
        env: { ...this.#env(), ...env },
        ...rest,
      }),
    );
  }

  /** A line of shell in which `$MARMITA` is the command. */
  shell(line: string): Called {
    const env = { ...this.#env(), MARMITA: `${process.execPath} ${PROGRAM}` };
    return new Called(spawn("bash", ["-c", line], { stdio: ["pipe", "pipe", "pipe"], env }));
  }

  /** All there are, running or not. */
  async removeContainers(): Promise<void> {
    const ids = (await this.call(["ps", "-aq"])).stdout.split("\n").filter(Boolean);
    if (ids.length > 0) await this.call(["rm", "-f", ...ids]);
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, MARMITA_ROOT: this.root, MARMITA_DEBUG: "" };
  }
}

/** A process whose output is kept as it comes. */
export class Called {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    child.stdin?.on("error", () => {}); // it need not read all of it
    this.ended = new Promise((resolve) => {
      child.on("close", (exitCode) =>
        resolve({ exitCode, stdout: this.#stdout, stderr: this.#stderr }),
      );
    });
  }

  /** What it has printed to stdout by now. */
  get text(): string {
    return this.#stdout;
  }

  /** When it has printed something like it. */
  async printed(pattern: RegExp): Promise<void> {
    await eventually(
      `output like ${pattern}`,
      () => (pattern.test(this.#stdout) ? true : undefined),
      15_000,
    );
  }
}

/** The command over an empty data root. */
export async function emptyCli(): Promise<Cli> {
  if (!existsSync(PROGRAM)) throw new Error("dist/ is not built: npm run build");
  return new Cli(await temporaryFolder());
}

/** The same, with the image `busybox` loaded. */
export async function busyboxCli(): Promise<Cli> {
  const cli = await emptyCli();
  const { exitCode, stderr } = await cli.call(["load", "-i", busyboxArchive()]);
  if (exitCode !== 0) throw new Error(stderr);
  return cli;
}
