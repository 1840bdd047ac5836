/** Checks of what is to keep a container in. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { parseCapability } from "../runtime/capabilities.ts";
import { parseProfile } from "../runtime/seccomp/profile.ts";
import type { SecurityOptions } from "../runtime/security.ts";
import { matchesPath } from "../runtime/system-paths.ts";
import { type Checks, entries, flag, isText, words, wrong } from "../util/check.ts";

export const SECURITY_CHECKS: Checks<SecurityOptions> = {
  privileged: flag,
  capAdd: capabilities,
  capDrop: capabilities,
  seccomp,
  noNewPrivileges: flag,
  systemPaths,
  procOptions,
};

function capabilities(value: unknown, name: string): void {
  words(value, name);
  if (!Array.isArray(value)) return;
  for (const [index, word] of value.entries()) {
    try {
      parseCapability(String(word));
    } catch (error) {
      if (!isMarmitaError(error, "INVALID_ARGUMENT")) throw error;
      throw withOption(error, `${name}[${index}]`);
    }
  }
}

function withOption(error: MarmitaError, option: string): MarmitaError {
  const details = { ...error.details, option };
  return new MarmitaError(error.code, `"${option}": ${error.message}`, { details });
}

function seccomp(value: unknown, name: string): void {
  if (isText(value) && value !== "") return;
  if (typeof value !== "object" || value === null) {
    throw wrong(name, '"default", "unconfined", a profile or the path of one', value);
  }
  parseProfile(value, `"${name}"`);
}

function systemPaths(value: unknown, name: string): void {
  if (value === "default" || value === "unconfined") return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, '"default", "unconfined" or an object with "mask" and "unmask"', value);
  }
  for (const [key, paths] of entries(value, name)) {
    if (key !== "mask" && key !== "unmask") {
      throw new MarmitaError("INVALID_ARGUMENT", `unknown option "${name}.${key}"`);
    }
    if (paths === undefined) continue;
    words(paths, `${name}.${key}`);
    if (!Array.isArray(paths)) continue;
    for (const [index, path] of paths.entries()) {
      checkPath(path, `${name}.${key}[${index}]`, key === "unmask");
    }
  }
}

/** Read-only by its mount: the control groups there are the caller's own. */
const CGROUPS = "/sys/fs/cgroup";

/** Below / itself: hiding all of it would hide the command. */
function checkPath(path: unknown, name: string, mayBeAll: boolean): void {
  if (mayBeAll && typeof path === "string" && path.toUpperCase() === "ALL") return;
  if (mayBeAll && typeof path === "string" && matchesPath(path, CGROUPS)) {
    throw new MarmitaError("UNSUPPORTED", `"${name}": ${CGROUPS} cannot be made writable alone`, {
      hint: "A privileged container has it so where this machine allows.",
      details: { option: name, value: path },
    });
  }
  const isPath = isText(path) && /^\/[^/]/.test(path) && !path.split("/").includes("..");
  if (!isPath) throw wrong(name, 'an absolute path without ".."', path);
}

/** proc(5); `subset` would take away the files by which sysctls are set. */
const PROC_OPTIONS = /^(?:hidepid=(?:[0-2]|4|off|noaccess|invisible|ptraceable)|gid=\d{1,10})$/;

function procOptions(value: unknown, name: string): void {
  words(value, name);
  if (!Array.isArray(value)) return;
  for (const [index, word] of value.entries()) {
    if (PROC_OPTIONS.test(String(word))) continue;
    if (/^(?:subset|pidns)=|^(?:ro|rw|exec|suid|dev)$/.test(String(word))) {
      throw new MarmitaError("UNSUPPORTED", `"${name}": ${String(word)} is not supported`, {
        details: { option: name, value: word },
      });
    }
    throw wrong(`${name}[${index}]`, '"hidepid=0", "1", "2" or "4", or "gid=" and a number', word);
  }
}
