/** One more process in a container that nobody keeps → the plan of its way into it. */
import { join } from "node:path";
import type { Operation, Plan } from "../native/plan.ts";
import type { Process, RuntimeSpec } from "../oci/runtime-spec.ts";
import { commandOperations, terminalOperations } from "./compile-process.ts";
import { labelOperations } from "./labels.ts";
import { personalityOperations } from "./personality.ts";
import { affinityOperations, schedulingOperations } from "./scheduling.ts";
import { listenerOperations } from "./seccomp/listener.ts";
import { rulesOf } from "./seccomp/rules.ts";

/** The process whose namespaces are entered; the number alone may be another's by then. */
export interface JoinTarget {
  readonly pid: number;
  /** When it began, in ticks since this machine started (proc_pid_stat(5)). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
}

/** What the compilation goes by beside the process. All paths are absolute. */
export interface JoinContext {
  /** The container's. */
  readonly id: string;
  readonly target: JoinTarget;
  /** Where the terminal's master is sent; without, its starter has it. */
  readonly consoleSocket?: string | undefined;
  /** So many descriptors from 3 on are the command's. */
  readonly preserveFds: number;
  /** The session keyring of the caller is the command's, too. */
  readonly noNewKeyring: boolean;
  /** The directory of compiled filters. */
  readonly filters: string;
  /** The container's state as JSON, up to and with `"pid":`. */
  readonly state: string;
  /** The control group (v2) it begins in; absent: that of the caller. */
  readonly cgroupDirectory?: string | undefined;
  /** /proc/PID/setgroups of the target says `deny`: groups stay what they are. */
  readonly keepsGroups: boolean;
}

/**
 * `process` is whole: what it does not say, it has not. Of the container's configuration only what
 * holds for all that run in it is taken. Throws `INVALID_ARGUMENT` and `UNSUPPORTED` with
 * `details.field`, as the compilation of a bundle does.
 */
export function compileJoin(process: Process, spec: RuntimeSpec, context: JoinContext): Plan {
  const { target, consoleSocket, preserveFds, noNewKeyring, cgroupDirectory } = context;
  const { oomScoreAdj } = process;
  return [
    ["target", target.pid, target.startTicks, target.bootId],
    ...affinityOperations(process.execCPUAffinity),
    ...when(cgroupDirectory !== undefined, ["cgroup-directory", cgroupDirectory ?? ""]),
    ...when(consoleSocket !== undefined, ["console-socket", consoleSocket ?? ""]),
    ...when(preserveFds > 0, ["preserve-fds", preserveFds]),
    ...when(oomScoreAdj !== undefined, ["oom-score-adj", String(oomScoreAdj)]),
    ...seccompOperations(spec, context),
    ...labelOperations(process),
    ...when(!noNewKeyring, ["keyring", `_ses.${context.id}`]),
    ...personalityOperations(spec.linux.personality),
    ...schedulingOperations(process),
    ...terminalOperations({ process }),
    ...commandOperations(process, { ...context, givenGroups: true }),
  ];
}

function seccompOperations({ linux, ociVersion }: RuntimeSpec, context: JoinContext): Plan {
  const { filters, state, target } = context;
  if (linux.seccomp === undefined) return [];
  return [
    ...listenerOperations(linux.seccomp, { ociVersion, state, pid: target.pid }),
    ["seccomp", join(filters, rulesOf(linux.seccomp).name)],
  ];
}

function when(condition: boolean, operation: Operation): Plan {
  return condition ? [operation] : [];
}
