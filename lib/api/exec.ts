/** exec(): one more command in a container that runs. */
import type { ExecOptions, ExecResult } from "../engine/exec-options.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Run a command in a container that runs, and resolve when it has ended, whatever the exit code, and
 * also after a time-out. What it leaves behind goes on in the container. Rejects with `NOT_FOUND`,
 * with `CONFLICT` unless the container runs, with `START_FAILED` when the command cannot begin
 * (`details.exitCode` is 127 when there is no such command, else 126), and with an `AbortError` when
 * `signal` is aborted, once the command and all that descends from it are gone.
 */
export async function exec(
  container: string,
  command: readonly string[],
  options: ExecOptions & ApiOptions & { readonly encoding: "buffer" },
): Promise<ExecResult<Buffer>>;
export async function exec(
  container: string,
  command: readonly string[],
  options?: ExecOptions & ApiOptions,
): Promise<ExecResult>;
export async function exec(
  container: string,
  command: readonly string[],
  options: ExecOptions & ApiOptions = {},
): Promise<ExecResult | ExecResult<Buffer>> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return (await containers.get(container)).exec(command, rest);
}
