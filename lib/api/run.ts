/** run(): one command in a container of its own. */
import type { Container } from "../engine/container.ts";
import type { DetachedRunOptions, RunOptions, RunResult } from "../engine/options.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make a container, start a command in it, and resolve when both have ended, whatever the exit
 * code, and also after a time-out. The container is kept, stopped, unless `remove`.
 *
 * Rejects with an `AbortError` when `signal` is aborted, once the command is gone, and with
 * `START_FAILED` when the command cannot begin: `details.exitCode` is 127 when there is no such
 * command, 126 when it cannot be executed. The container dies with this process.
 *
 * With `detach` it resolves to the container as soon as the command runs, and that is its keeper's: it
 * lives on when this process ends, and what it writes is in its log.
 */
export async function run(
  image: string,
  command: readonly string[] | undefined,
  options: DetachedRunOptions & ApiOptions,
): Promise<Container>;
export async function run(
  image: string,
  command: readonly string[] | undefined,
  options: RunOptions & ApiOptions & { readonly encoding: "buffer" },
): Promise<RunResult<Buffer>>;
export async function run(
  image: string,
  command?: readonly string[],
  options?: RunOptions & ApiOptions,
): Promise<RunResult>;
export async function run(
  image: string,
  command?: readonly string[],
  options: (RunOptions | DetachedRunOptions) & ApiOptions = {},
): Promise<RunResult | RunResult<Buffer> | Container> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  if ("detach" in rest) return containers.run(image, command, rest);
  return containers.run(image, command, rest);
}
