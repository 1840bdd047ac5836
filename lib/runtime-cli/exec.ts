/** `marmita-runtime exec`. */
import { readFile } from "node:fs/promises";
import { execInContainer } from "../bundles/exec.ts";
import type { ExecBundleOptions, ExecProcessRequest } from "../bundles/options.ts";
import type { ParsedFlags } from "../cli/flags.ts";
import { UsageError } from "../cli/usage.ts";
import { MarmitaError } from "../errors.ts";
import { parseProcess } from "../oci/parse-runtime-spec.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import type { RuntimeCall, RuntimeCommand } from "./command.ts";
import { inForeground } from "./foreground.ts";
import { given, PROCESS_FLAGS, processSettings } from "./process-flags.ts";

/** runc's, for what it fails in itself. */
const EXIT_FAILURE = 255;

export const exec: RuntimeCommand = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  about: [
    "The process is like the container's own but for what the options say; or it is all that a " +
      "file says (--process), and then the options about it are refused. The exit code is that of " +
      "the process, 128 and its number after a signal, 255 when it could not be started.",
  ],
  arguments: { min: 1 },
  failureCode: EXIT_FAILURE,
  flags: [
    ...PROCESS_FLAGS,
    { name: "additional-gids", short: "g", value: "list", help: "Further groups, by number" },
    { name: "apparmor", value: "profile", help: "Its AppArmor profile" },
    { name: "cap", short: "c", value: "list", help: "Capabilities beside the container's own" },
    { name: "cgroup", value: "path", help: "A control group below the container's" },
    { name: "cwd", value: "path", help: "Its working directory in the container" },
    { name: "detach", short: "d", help: "Do not wait for its end" },
    { name: "env", short: "e", value: "list", help: "Environment variables: KEY=VALUE" },
    {
      name: "ignore-paused",
      help: "Also in a paused container: it begins when that goes on, without a freezer at once",
    },
    { name: "no-new-privs", help: "No program gives it rights that it has not" },
    { name: "process", short: "p", value: "path", help: "A file with its `process`, as JSON" },
    { name: "process-label", value: "label", help: "Its SELinux label" },
    { name: "tty", short: "t", help: "Give it a terminal" },
    { name: "user", short: "u", value: "uid[:gid]", help: "Its user and group, by number" },
  ],
  refused: {},
  stopsAtFirstArgument: true,
  async run(call) {
    const [id = "", ...command] = call.args;
    const request = await requested(call.flags, command);
    const settings = settingsOf(call);
    if (call.flags.has("detach")) {
      const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
      await execInContainer(id, request, { ...settings, ...streams, detach: true });
      return 0;
    }
    return inForeground((foreground) =>
      execInContainer(id, request, { ...settings, ...foreground }),
    );
  },
};

/** What a file with the whole process says, too. */
const PROCESS_OPTIONS = [
  "additional-gids",
  "apparmor",
  "cap",
  "cwd",
  "env",
  "no-new-privs",
  "process-label",
  "user",
];

async function requested(
  flags: ParsedFlags,
  command: readonly string[],
): Promise<ExecProcessRequest> {
  const path = given(flags, "process");
  if (path === undefined) {
    if (command.length > 0) return command;
    throw new MarmitaError("INVALID_ARGUMENT", "exec needs a command, or --process");
  }
  const also = PROCESS_OPTIONS.filter((name) => flags.all(name).length > 0);
  if (command.length > 0) also.push("a command");
  if (also.length > 0) {
    throw new UsageError(`--process says all of the process: ${also.join(", ")} must be left out`);
  }
  const read = parseProcess(await readProcess(path), path);
  // Both who start us with a terminal say so twice.
  return flags.has("tty") ? { ...read, terminal: true } : read;
}

async function readProcess(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `cannot read ${path}: ${errnoWords(errno ?? "EIO")}`,
      { cause, syscall: "open", errno, details: { option: "process", path } },
    );
  }
}

function settingsOf({ flags, global: { root, log } }: RuntimeCall): ExecBundleOptions {
  const isFromFile = given(flags, "process") !== undefined;
  return {
    root,
    onWarning: (text) => log.warn(text),
    ignorePaused: flags.has("ignore-paused"),
    cgroup: given(flags, "cgroup"),
    ...processSettings(flags, process.env),
    ...(!isFromFile && processOptions(flags)),
  };
}

function processOptions(flags: ParsedFlags): ExecBundleOptions {
  return {
    tty: flags.has("tty"),
    cwd: given(flags, "cwd"),
    env: flags.map("env", readVariable),
    user: given(flags, "user"),
    additionalGids: flags.map("additional-gids", readGids).flat(),
    capabilities: flags.all("cap").flatMap(splitList),
    ...(flags.has("no-new-privs") && { noNewPrivileges: true }),
    apparmorProfile: given(flags, "apparmor"),
    selinuxLabel: given(flags, "process-label"),
  };
}

/** Nobody's value is taken over: as under runc. */
function readVariable(text: string): string {
  if (text.indexOf("=") > 0) return text;
  throw new MarmitaError("INVALID_ARGUMENT", "expected KEY=VALUE");
}

/** `4,24` as well as `-g 4 -g 24`. */
function splitList(text: string): readonly string[] {
  return text.split(",").filter((word) => word !== "");
}

function readGids(text: string): readonly number[] {
  return splitList(text).map((word) => {
    const gid = /^\d{1,10}$/.test(word) ? Number(word) : Infinity;
    if (gid < 2 ** 32 - 1) return gid;
    throw new MarmitaError("INVALID_ARGUMENT", "expected the number of a group");
  });
}
