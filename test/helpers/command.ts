/** Outside programs, run to their end. */
import { spawnSync } from "node:child_process";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Uint8Array;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Its standard output; throws with what it wrote to stderr when it fails. */
export function output(argv: readonly string[], options: CommandOptions = {}): string {
  const { status, stdout, stderr } = finished(argv, options);
  if (status !== 0) throw new Error(`${argv.join(" ")} exited with ${status}:\n${stderr}`);
  return stdout;
}

/** How it ended, whatever that was. */
export function finished(argv: readonly string[], options: CommandOptions = {}): Finished {
  const [program = "", ...args] = argv;
  const done = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 28, ...options });
  if (done.error !== undefined) throw done.error;
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}
