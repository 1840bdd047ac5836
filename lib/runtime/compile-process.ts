/** What the command of a container is, and what it may: config.json's `process` → operations. */
import { type Plan, USER } from "../native/plan.ts";
import type { Process, RuntimeSpec } from "../oci/runtime-spec.ts";
import { capabilityMask } from "./capabilities.ts";
import type { CompileContext } from "./compile-context.ts";
import { KEPT_GROUPS } from "./confinement.ts";
import { kernelLimits } from "./ulimits.ts";

/** In image `host` the caller itself may read what its groups may. */
function isCaller({ process, linux }: RuntimeSpec, { mapping, rootfs }: CompileContext): boolean {
  const { uid, username = "" } = process.user;
  if (rootfs.kind !== "host" || !/^\d+(?::\d+)?$/.test(username)) return false;
  const own = mapping.uids.find(({ inside }) => inside === 0)?.outside;
  const line = linux.uidMappings?.find(({ containerID, size }) => {
    return uid >= containerID && uid < containerID + size;
  });
  return line !== undefined && line.hostID + (uid - line.containerID) === own;
}

/** 0 is a size that is not known. What is no size at all is as good as not known. */
export function terminalOperations({ process }: Pick<RuntimeSpec, "process">): Plan {
  if (process.terminal !== true) return [];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  const known = [width, height].map((size) => (size > 0 && size < 2 ** 16 ? Math.trunc(size) : 0));
  const [columns = 0, rows = 0] = known;
  return [["terminal", columns, rows]];
}

export function processOperations(spec: RuntimeSpec, context: CompileContext): Plan {
  const { process, annotations } = spec;
  const keepsGroups =
    !context.mapping.setgroups || isCaller(spec, context) || annotations?.[KEPT_GROUPS] === "1";
  return commandOperations(process, { ...context, keepsGroups });
}

/** What config.json does not say of a command. */
export interface CommandContext {
  /** Whether it keeps the groups that its starter has. */
  readonly keepsGroups: boolean;
  /** Whether its primary group is a supplementary one only where it is listed as that. */
  readonly givenGroups?: boolean | undefined;
  /** As in `CompileContext`. */
  readonly groupNames?: readonly string[] | undefined;
  readonly init?: boolean | undefined;
}

function userFlags({ keepsGroups, givenGroups = false }: CommandContext): number {
  return (
    USER.SETS_HOME | (keepsGroups ? USER.KEEPS_GROUPS : 0) | (givenGroups ? USER.GIVEN_GROUPS : 0)
  );
}

/** Who it is, what it may, and what it is; its terminal, filter and keys are not among that. */
export function commandOperations(process: Process, context: CommandContext): Plan {
  const { user, capabilities = {} } = process;
  const who = user.username ?? `${user.uid}:${user.gid}`;
  const groups = [...(user.additionalGids ?? []).map(String), ...(context.groupNames ?? [])];
  const mask = (names: readonly string[] | undefined) => capabilityMask(names ?? []);
  return [
    ["user", who, groups, userFlags(context)],
    ["workdir", process.cwd],
    [
      "capabilities",
      mask(capabilities.bounding),
      mask(capabilities.effective),
      mask(capabilities.permitted),
      mask(capabilities.inheritable),
      mask(capabilities.ambient),
    ],
    ...(process.noNewPrivileges === true ? [["no-new-privileges"] as const] : []),
    ...kernelLimits(process.rlimits ?? []).map((limit) => ["rlimit", ...limit] as const),
    ...(context.init === true ? [["init"] as const] : []),
    ["umask", user.umask ?? 0o022],
    ["environment", process.env ?? []],
    ["command", process.args],
  ];
}
