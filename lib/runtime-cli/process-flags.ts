/** The options that `create`, `run` and `exec` share. */
import type { ProcessSettings } from "../bundles/options.ts";
import type { Flag, ParsedFlags } from "../cli/flags.ts";
import { MarmitaError } from "../errors.ts";

export const PROCESS_FLAGS: readonly Flag[] = [
  {
    name: "console-socket",
    value: "path",
    help: "Unix socket that is sent the terminal's master, where the process has a terminal",
  },
  { name: "pid-file", value: "path", help: "File that the process's number is written to" },
  {
    name: "preserve-fds",
    value: "count",
    help: "So many descriptors from 3 on, after those of $LISTEN_FDS, are the process's, too",
  },
];

/** More than any file of descriptors holds, unless told otherwise. */
const MOST = 1_024;

export function processSettings(flags: ParsedFlags, env: NodeJS.ProcessEnv): ProcessSettings {
  const [preserveFds = 0] = flags.map("preserve-fds", readCount).slice(-1);
  const listenFds = listenCount(env);
  return {
    consoleSocket: given(flags, "console-socket"),
    pidFile: given(flags, "pid-file"),
    ...(preserveFds > 0 && { preserveFds }),
    ...(listenFds > 0 && { listenFds }),
  };
}

/** Empty is as if it were not there: so the callers of runtimes write it. */
export function given(flags: ParsedFlags, name: string): string | undefined {
  const value = flags.last(name) ?? "";
  return value === "" ? undefined : value;
}

function readCount(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Infinity;
  if (count <= MOST) return count;
  throw new MarmitaError("INVALID_ARGUMENT", "expected a number of descriptors");
}

/** What is meant for us (sd_listen_fds(3)); what is meant for another process is not passed on. */
function listenCount({ LISTEN_PID, LISTEN_FDS = "" }: NodeJS.ProcessEnv): number {
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,4}$/.test(LISTEN_FDS)) return 0;
  return Math.min(Number(LISTEN_FDS), MOST);
}
