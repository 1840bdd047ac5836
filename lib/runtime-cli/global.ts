/** The global options: before the command's name, as runc and crun have them. */
import type { CgroupManager } from "../bundles/options.ts";
import { type Grammar, type ParsedFlags, SWITCH_VALUES } from "../cli/flags.ts";
import { UsageError } from "../cli/usage.ts";
import { MarmitaError } from "../errors.ts";
import { Log, type LogFormat } from "./log.ts";
import type { Global } from "./command.ts";

export const GLOBAL: Grammar = {
  stopsAtFirstArgument: true,
  flags: [
    {
      name: "root",
      value: "directory",
      help:
        "Directory of the containers' state (default: /run/marmita-runtime, where /run cannot be " +
        "written to $XDG_RUNTIME_DIR/marmita-runtime)",
    },
    { name: "log", value: "file", help: "Append what is logged to this file, not to stderr" },
    { name: "log-format", value: "format", help: 'Lines of the log: "text" or "json"' },
    { name: "debug", help: "Log what is done, and where failures come from" },
    {
      name: "cgroup-manager",
      value: "manager",
      help: 'Who makes control groups: "cgroupfs", "systemd" or "disabled"',
    },
    {
      name: "systemd-cgroup",
      help: 'As --cgroup-manager=systemd: cgroupsPath is "slice:prefix:name"',
    },
    {
      name: "rootless",
      value: "boolean",
      help:
        'Resources that cannot be limited here are left out with a warning: "true", "auto"; ' +
        'or fail a container: "false" (default "auto")',
    },
    { name: "version", short: "v", also: "V", help: "Print version information and quit" },
  ],
  refused: { values: "criu log-level" },
};

/** The log alone, so that what is wrong with the other options is in it. */
export function openLog(flags: ParsedFlags): Log {
  const [format] = flags.map("log-format", readFormat).slice(-1);
  const file = flags.last("log");
  const scheme = /^(journald|syslog):/.exec(file ?? "")?.[1];
  if (scheme !== undefined) {
    throw new UsageError(`--log ${scheme}: is not supported: name a file`, { form: "refusal" });
  }
  return new Log({
    file: file?.replace(/^file:/, ""),
    ...(format !== undefined && { format }),
    debug: flags.has("debug"),
  });
}

export function readGlobal(flags: ParsedFlags, log: Log): Global {
  const [manager] = flags.map("cgroup-manager", readManager).slice(-1);
  const [rootless] = flags.map("rootless", readRootless).slice(-1);
  const root = flags.last("root") ?? "";
  return {
    root: root === "" ? undefined : root,
    cgroupManager: manager ?? (flags.has("systemd-cgroup") ? "systemd" : undefined),
    requireResources: rootless === false,
    log,
  };
}

function readFormat(text: string): LogFormat {
  if (text === "text" || text === "json") return text;
  throw new MarmitaError("INVALID_ARGUMENT", 'expected "text" or "json"');
}

function readManager(text: string): CgroupManager {
  if (text === "cgroupfs" || text === "systemd" || text === "disabled") return text;
  throw new MarmitaError("INVALID_ARGUMENT", 'expected "cgroupfs", "systemd" or "disabled"');
}

function readRootless(text: string): boolean | "auto" {
  if (text === "auto") return text;
  const value = SWITCH_VALUES.get(text);
  if (value !== undefined) return value;
  throw new MarmitaError("INVALID_ARGUMENT", 'expected "true", "false" or "auto"');
}
