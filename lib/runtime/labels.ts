/** What the machine's security modules are to know a process by: AppArmor profiles, SELinux labels. */
import { existsSync, readFileSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import type { Plan } from "../native/plan.ts";

export interface LabelsInput {
  readonly apparmorProfile?: string | undefined;
  readonly selinuxLabel?: string | undefined;
}

/** What of this is in force on the machine. */
export interface SecurityModules {
  /** The file below /proc/PID/attr that takes a profile; absent without AppArmor. */
  readonly apparmor?: string | undefined;
  readonly hasSelinux: boolean;
}

/** AppArmor has a directory of its own since Linux 5.8 (proc_pid_attr(5)). */
export function findSecurityModules(): SecurityModules {
  const hasOwn = existsSync("/proc/self/attr/apparmor/exec");
  return {
    apparmor: hasApparmor() ? (hasOwn ? "apparmor/exec" : "exec") : undefined,
    hasSelinux: existsSync("/sys/fs/selinux/enforce"),
  };
}

function hasApparmor(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
  } catch {
    return false;
  }
}

/**
 * Of a `process`, first or not. To stand before `pivot`: the files of this machine's /proc are
 * opened where nothing of the container can lie in their place (CVE-2019-16884), and written just
 * before exec. Throws `UNSUPPORTED` with `details.field` where the machine has no such module: the
 * process would run without.
 */
export function labelOperations(
  { apparmorProfile = "", selinuxLabel = "" }: LabelsInput,
  modules: SecurityModules = findSecurityModules(),
): Plan {
  return [
    ...(apparmorProfile === "" ? [] : apparmorOperations(apparmorProfile, modules)),
    ...(selinuxLabel === "" ? [] : selinuxOperations(selinuxLabel, modules)),
  ];
}

/**
 * `linux.mountLabel` → the option that new file systems get; `undefined` without, and with a
 * warning where nothing on the machine reads labels: it keeps nobody in, so nothing is lost.
 */
export function mountContext(
  label: string | undefined,
  warn: (text: string) => void,
  modules: SecurityModules = findSecurityModules(),
): string | undefined {
  if (label === undefined || label === "") return undefined;
  if (!modules.hasSelinux) {
    warn("linux.mountLabel means nothing: SELinux is not enabled on this machine");
    return undefined;
  }
  return `context=${label}`;
}

function apparmorOperations(profile: string, { apparmor }: SecurityModules): Plan {
  if (apparmor === undefined) throw missing("process.apparmorProfile", "AppArmor");
  return [["label", apparmor, `exec ${profile}`]];
}

function selinuxOperations(label: string, { hasSelinux }: SecurityModules): Plan {
  if (!hasSelinux) throw missing("process.selinuxLabel", "SELinux");
  return [["label", "exec", label]];
}

function missing(field: string, module: string): MarmitaError {
  return new MarmitaError(
    "UNSUPPORTED",
    `config.json: ${field}: ${module} is not enabled on this machine`,
    { details: { field }, hint: `Leave ${field} out, or enable ${module}.` },
  );
}
