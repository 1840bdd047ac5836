/** What a container asks of its confinement → what it gets here, and what is said of it. */
import { createReadStream, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { Seccomp } from "../oci/runtime-spec.ts";
import { usableDevices } from "../runtime/host-devices.ts";
import { thermalPaths } from "../runtime/machine.ts";
import { MountTable, parseMountinfo } from "../runtime/mountinfo.ts";
import { ensureFilter } from "../runtime/seccomp/filters.ts";
import { parseProfile, parseProfileText } from "../runtime/seccomp/profile.ts";
import { type SeccompRules, rulesOf } from "../runtime/seccomp/rules.ts";
import {
  type Security,
  type SecurityOptions,
  type SecurityPlace,
  type SecurityRequest,
  resolveSecurity,
} from "../runtime/security.ts";
import type { Paths } from "../store/paths.ts";
import { errnoWords } from "../util/errno.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { errnoOf } from "../util/system-error.ts";

/** What is kept of it in a container's record: what was asked for, as Docker writes it. */
export interface RecordedSecurity {
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** `seccomp=unconfined`, `seccomp={…}`, `no-new-privileges`, `proc-opts=…`. */
  readonly securityOpt: readonly string[];
}

export interface SecurityHere {
  readonly security: Security;
  readonly recorded: RecordedSecurity;
  readonly seccomp: "default" | "custom" | "unconfined";
  /** Sentences for `Isolation.notes`. */
  readonly notes: readonly string[];
}

/** The options are checked. Throws `INVALID_ARGUMENT` for a profile that is not there or no profile. */
export async function securityHere(options: SecurityOptions): Promise<SecurityHere> {
  const request = { ...options, seccomp: await profileOf(options.seccomp) };
  const security = resolveSecurity(request, await place(options));
  const isCustom = typeof request.seccomp === "object";
  return {
    security,
    recorded: recordedOf(request),
    seccomp: security.seccomp === undefined ? "unconfined" : isCustom ? "custom" : "default",
    notes: options.privileged === true ? [privilegedNote()] : [],
  };
}

function privilegedNote(): string {
  const outside =
    process.geteuid?.() === 0 ? "as you are root, all of this machine" : "what you may";
  return (
    "privileged: only its namespaces keep the container in; inside it may do all that its user " +
    `namespace gives, outside ${outside}`
  );
}

async function profileOf(option: SecurityOptions["seccomp"]): Promise<SecurityRequest["seccomp"]> {
  if (option === undefined) return undefined;
  if (option === "default") return "default";
  if (option === "unconfined") return "unconfined";
  if (typeof option !== "string") return parseProfile(option, '"seccomp"');
  const path = resolve(option);
  return parseProfileText(await readProfile(path), `seccomp profile ${path}`);
}

/** Docker's default, which is long, has 16 KiB. */
const MAX_PROFILE_BYTES = 1024 * 1024;

/** From a pipe, too: `--security-opt seccomp=<(…)`. */
async function readProfile(path: string): Promise<string> {
  try {
    const content = await text(createReadStream(path, { end: MAX_PROFILE_BYTES }));
    if (Buffer.byteLength(content) <= MAX_PROFILE_BYTES) return content;
  } catch (cause) {
    const errno = errnoOf(cause);
    const why = errno === undefined ? String(cause) : errnoWords(errno);
    throw new MarmitaError("INVALID_ARGUMENT", `seccomp profile ${path}: ${why}`, {
      cause,
      errno,
      hint: 'Give "default", "unconfined", or the path of a profile in JSON.',
      details: { path },
    });
  }
  throw new MarmitaError("INVALID_ARGUMENT", `seccomp profile ${path}: longer than 1 MiB`, {
    details: { path },
  });
}

async function place({ privileged = false }: SecurityOptions): Promise<SecurityPlace> {
  const masked = await thermalPaths();
  if (!privileged) return { masked };
  const mounts = new MountTable(parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")));
  const readOnly = ["/sys", "/sys/fs/cgroup"].filter(
    (path) => mounts.at(path)?.isReadOnly === true,
  );
  return { masked, readOnly, devices: await usableDevices() };
}

function recordedOf(request: SecurityRequest): RecordedSecurity {
  const { privileged = false, capAdd = [], capDrop = [], seccomp, noNewPrivileges } = request;
  const { procOptions = [] } = request;
  const profile = typeof seccomp === "object" ? JSON.stringify(seccomp) : seccomp;
  return {
    privileged,
    capAdd,
    capDrop,
    securityOpt: [
      ...(profile === undefined ? [] : [`seccomp=${profile === "default" ? "builtin" : profile}`]),
      ...(noNewPrivileges === true ? ["no-new-privileges"] : []),
      ...(procOptions.length === 0 ? [] : [`proc-opts=${procOptions.join(",")}`]),
    ],
  };
}

/** A filter that was deleted since the container was made, or that the disk lost, is made again. */
export async function ensureContainerFilter(paths: Paths, id: string): Promise<void> {
  const rules = await containerRules(paths, id);
  if (rules !== undefined) await ensureFilter(paths, rules);
}

/** `undefined` for a container without a filter. */
export async function containerRules(paths: Paths, id: string): Promise<SeccompRules | undefined> {
  const path = join(paths.container(id), "config.json");
  const config = new JsonReader(parseJson(await readFile(path), path), path);
  const seccomp = config.findObject("linux", (json, what) => {
    return new JsonReader(json, what).findObject("seccomp", (value) => value);
  });
  return seccomp === undefined ? undefined : rulesOf(seccomp as Seccomp);
}

/** Containers made before this was recorded have Docker's defaults. */
export function parseSecurity(json: unknown, what: string): RecordedSecurity {
  const fields = new JsonReader(json, what);
  return {
    privileged: fields.findFlag("privileged") ?? false,
    capAdd: fields.findTexts("capAdd") ?? [],
    capDrop: fields.findTexts("capDrop") ?? [],
    securityOpt: fields.findTexts("securityOpt") ?? [],
  };
}

export const DEFAULT_SECURITY: RecordedSecurity = {
  privileged: false,
  capAdd: [],
  capDrop: [],
  securityOpt: [],
};
