/** linux.seccomp → the lines that marmita-init compiles (native/core/seccomp_rules.h). */
import { createHash } from "node:crypto";
import { isMarmitaError, MarmitaError } from "../../errors.ts";
import type { Seccomp, SeccompArgument } from "../../oci/runtime-spec.ts";
import { type ProfileRule, parseProfile, type SeccompProfile } from "./profile.ts";

/** Raised when other instructions are made of the same lines: then filters have other names. */
const FIRST_LINE = "marmita-seccomp 1";

/** What this machine's kernel may run, its own first: names of ours, of OCI's without the prefix. */
const RUNNABLE: Readonly<Record<string, readonly string[]>> = {
  x64: ["X86_64", "X86", "X32"],
  arm64: ["AARCH64", "ARM"],
};

/** linux/seccomp.h. With one thread there is nothing for TSYNC to do. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
/** As runc without flags: the filter itself is no reason for slow speculation. */
const DEFAULT_FLAGS = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"];

const EPERM = 1;
const PERMISSIVE = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"];

/** The default is the same object for every start: its lines are made once. */
const formatted = new WeakMap<Seccomp, SeccompRules>();

/** What marmita-init compiles, and what the filter made of it is called. */
export interface SeccompRules {
  readonly text: string;
  /** The digest of the rules: another version of the format gives another name. */
  readonly name: string;
}

/** As `formatRules()`, for this machine. */
export function rulesOf(seccomp: Seccomp): SeccompRules {
  const known = formatted.get(seccomp);
  if (known !== undefined) return known;
  const text = formatRules(seccomp, process.arch);
  const rules = { text, name: `${createHash("sha256").update(text).digest("hex")}.bpf` };
  formatted.set(seccomp, rules);
  return rules;
}

/**
 * Throws `INVALID_ARGUMENT` or `UNSUPPORTED` with the place of what is wrong, and `UNSUPPORTED` on
 * machines of other architectures.
 */
export function formatRules(seccomp: Seccomp, arch: string): string {
  const profile = profileOf(seccomp);
  const { defaultAction, defaultErrnoRet, flags = DEFAULT_FLAGS, syscalls = [] } = profile;
  const lines = [
    FIRST_LINE,
    `flags ${flags.reduce((sum, flag) => sum | (FLAGS[flag] ?? 0), 0)}`,
    `default ${action(defaultAction, defaultErrnoRet)}`,
    ...architectures(profile.architectures ?? [], arch).map((name) => `arch ${name}`),
    ...(PERMISSIVE.includes(defaultAction) ? [] : ["enosys"]),
    ...new Set(syscalls.flatMap(ruleLines)),
  ];
  return `${lines.join("\n")}\n`;
}

/** Places in the profile are places in config.json. */
function profileOf(seccomp: Seccomp): SeccompProfile {
  try {
    return parseProfile(seccomp, "config.json: linux.seccomp", { isAnswered: true });
  } catch (cause) {
    if (!isMarmitaError(cause)) throw cause;
    const { code, message, details } = cause;
    const { field } = details;
    const place = typeof field === "string" && field !== "" ? `.${field}` : "";
    throw new MarmitaError(code, message, {
      cause,
      details: { ...details, field: `linux.seccomp${place}` },
    });
  }
}

/** Others than the kernel can run never make a call. */
function architectures(asked: readonly string[], arch: string): readonly string[] {
  const [own, ...others] = RUNNABLE[arch] ?? [];
  if (own === undefined) {
    throw new MarmitaError("UNSUPPORTED", `there are no seccomp filters for ${arch}`);
  }
  const also = others.filter((name) => asked.includes(`SCMP_ARCH_${name}`));
  return [own, ...also].map((name) => name.toLowerCase());
}

function action(name: string, number: number | undefined): string {
  const isNumbered = name === "SCMP_ACT_ERRNO" || name === "SCMP_ACT_TRACE";
  const word = name === "SCMP_ACT_KILL" ? "KILL_THREAD" : name.replace(/^SCMP_ACT_/, "");
  return `${word} ${isNumbered ? (number ?? EPERM) : 0}`;
}

function ruleLines(rule: ProfileRule): readonly string[] {
  const { names, errnoRet, args = [] } = rule;
  const what = `rule ${action(rule.action, errnoRet)}`;
  const indexes = new Set(args.map(({ index }) => index));
  // libseccomp takes one condition for each argument: several were always several rules (runc).
  const groups = indexes.size === args.length ? [args] : args.map((arg) => [arg]);
  return names.flatMap((name) => {
    return groups.map((group) => [`${what} ${name}`, ...group.map(condition)].join(" "));
  });
}

function condition({ index, op, value, valueTwo = 0 }: SeccompArgument): string {
  return `${index}:${op.replace(/^SCMP_CMP_/, "")}:${value}:${valueTwo}`;
}
