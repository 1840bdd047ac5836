/** `--security-opt` in Docker's grammar and Podman's, with `--cap-add` and what else confines. */
import type { CreateOptions } from "../engine/container-options.ts";
import { MarmitaError } from "../errors.ts";
import { parseCapability } from "../runtime/capabilities.ts";
import type { Flag, ParsedFlags } from "./flags.ts";

export const SECURITY_FLAGS: readonly Flag[] = [
  { name: "cap-add", value: "list", help: "Add Linux capabilities ('NET_ADMIN', 'ALL')" },
  { name: "cap-drop", value: "list", help: "Drop Linux capabilities ('MKNOD', 'ALL')" },
  {
    name: "privileged",
    help:
      "Give all that the container's user namespace has: capabilities, system calls, the kernel's " +
      "files, devices you may open; on this machine no right more than you have",
  },
  {
    name: "security-opt",
    value: "list",
    help:
      "Security Options\n'seccomp=unconfined|builtin|FILE'\n'no-new-privileges'\n" +
      "'systempaths=unconfined'\n'mask=PATHS' 'unmask=ALL|PATHS'\n'proc-opts=hidepid=2'",
  },
];

type Security = Pick<
  CreateOptions,
  | "capAdd"
  | "capDrop"
  | "privileged"
  | "seccomp"
  | "noNewPrivileges"
  | "systemPaths"
  | "procOptions"
>;

/** Only what was given. Throws `UsageError` for what is malformed or not there yet. */
export function securityOptions(flags: ParsedFlags): Security {
  const capAdd = flags.map("cap-add", parseCapabilities).flat();
  const capDrop = flags.map("cap-drop", parseCapabilities).flat();
  const opts = flags.map("security-opt", parseSecurityOpt);
  return {
    ...(capAdd.length > 0 && { capAdd }),
    ...(capDrop.length > 0 && { capDrop }),
    ...(flags.has("privileged") && { privileged: true }),
    ...merged(opts),
  };
}

/** Podman takes several with commas. */
function parseCapabilities(text: string): readonly string[] {
  return text.split(",").map(parseCapability);
}

type SecurityOpt = Omit<Security, "capAdd" | "capDrop" | "privileged" | "systemPaths"> & {
  readonly mask?: readonly string[];
  readonly unmask?: readonly string[];
};

/** Of one kind the last counts; paths come together. */
function merged(opts: readonly SecurityOpt[]): Security {
  const { mask: _, unmask: __, ...rest } = Object.assign({}, ...opts) as SecurityOpt;
  const mask = opts.flatMap((opt) => opt.mask ?? []);
  const unmask = opts.flatMap((opt) => opt.unmask ?? []);
  if (mask.length === 0 && unmask.length === 0) return rest;
  const isAll = mask.length === 0 && unmask.some((path) => path.toUpperCase() === "ALL");
  return { ...rest, systemPaths: isAll ? "unconfined" : { mask, unmask } };
}

const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** `key=value`; Docker still takes `key:value`. Throws `INVALID_ARGUMENT` or `UNSUPPORTED`. */
export function parseSecurityOpt(text: string): SecurityOpt {
  const at = text.includes("=") ? text.indexOf("=") : text.indexOf(":");
  const key = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? undefined : text.slice(at + 1);
  if (key === "no-new-privileges") return { noNewPrivileges: parseSwitch(value) };
  if (key === "writable-cgroups" || key === "disable") throw unsupported(text);
  if (value === undefined || value === "") throw invalid("a name, = and a value are needed");
  return parseKeyed(key, value, text);
}

function parseKeyed(key: string, value: string, text: string): SecurityOpt {
  switch (key) {
    case "seccomp":
      return { seccomp: value === "builtin" ? "default" : value };
    case "systempaths":
      if (value !== "unconfined") throw invalid('"systempaths" can be "unconfined" only');
      return { unmask: ["ALL"] };
    case "mask":
      return { mask: value.split(":") };
    case "unmask":
      return { unmask: value.split(":") };
    case "proc-opts":
      return { procOptions: value.split(",") };
    case "label":
      // Nothing is labelled here: that is what happens.
      if (value !== "disable") throw unsupported(text);
      return {};
    case "apparmor":
      if (value !== "unconfined") throw unsupported(text);
      return {};
    default:
      throw invalid(`there is no option "${key}"`);
  }
}

function parseSwitch(value = "true"): boolean {
  if (TRUE.includes(value)) return true;
  if (FALSE.includes(value)) return false;
  throw invalid(`"${value}" is neither true nor false`);
}

function invalid(message: string): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", message);
}

function unsupported(text: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `--security-opt ${text}`);
}
