/** A further process of a container: as the container's own, but for what was asked. */
import type { Process, User } from "../oci/runtime-spec.ts";
import type { ExecBundleOptions, ExecProcessRequest } from "./options.ts";

/**
 * `own` is `process` of config.json. What the options say counts in a whole `process`, too; and what
 * that does not say of its confinement is as for the container's own, as under runc.
 */
export function execProcess(
  own: Process,
  request: ExecProcessRequest,
  options: ExecBundleOptions,
): Process {
  const asked = isWords(request)
    ? { ...own, args: request, terminal: false }
    : { ...confinementOf(own), ...request };
  const { tty, cwd, noNewPrivileges, apparmorProfile, selinuxLabel } = options;
  return {
    ...asked,
    user: userOf(asked.user, options),
    env: [...(asked.env ?? []), ...(options.env ?? [])],
    ...(tty !== undefined && { terminal: tty || asked.terminal === true }),
    ...(cwd !== undefined && { cwd }),
    ...(noNewPrivileges !== undefined && { noNewPrivileges }),
    ...(apparmorProfile !== undefined && { apparmorProfile }),
    ...(selinuxLabel !== undefined && { selinuxLabel }),
    ...withCapabilities(asked, options.capabilities ?? []),
  };
}

function confinementOf(own: Process): Partial<Process> {
  const { capabilities, noNewPrivileges, apparmorProfile, selinuxLabel, rlimits } = own;
  return {
    ...(capabilities !== undefined && { capabilities }),
    ...(noNewPrivileges !== undefined && { noNewPrivileges }),
    ...(apparmorProfile !== undefined && { apparmorProfile }),
    ...(selinuxLabel !== undefined && { selinuxLabel }),
    ...(rlimits !== undefined && { rlimits }),
  };
}

function isWords(request: ExecProcessRequest): request is readonly string[] {
  return Array.isArray(request);
}

/** Without a group it keeps that of before, as under runc. */
function userOf(before: User, { user, additionalGids = [] }: ExecBundleOptions): User {
  const [uid = before.uid, gid = before.gid] = user?.split(":").map(Number) ?? [];
  const all = [...(before.additionalGids ?? []), ...additionalGids];
  return { ...before, uid, gid, ...(all.length > 0 && { additionalGids: all }) };
}

/**
 * Into the sets that a program of root's has them from. Not into the inheritable and the ambient one:
 * a program of an ordinary user would have them, too (CVE-2022-29162).
 */
function withCapabilities(
  { capabilities = {} }: Process,
  added: readonly string[],
): Pick<Process, "capabilities"> {
  if (added.length === 0) return { capabilities };
  const with_ = (names: readonly string[] = []) => [...new Set([...names, ...added])];
  const { bounding, effective, permitted } = capabilities;
  return {
    capabilities: {
      ...capabilities,
      bounding: with_(bounding),
      effective: with_(effective),
      permitted: with_(permitted),
    },
  };
}
