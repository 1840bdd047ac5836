/** A seccomp profile in Docker's JSON format, which contains that of an OCI config.json. */
import { MarmitaError } from "../../errors.ts";
import type { SeccompArgument, Whole64 } from "../../oci/runtime-spec.ts";
import { ProfileReader, type Place } from "./profile-reader.ts";

/** What is not said is not restricted; rules whose conditions do not hold are left out. */
export interface SeccompProfile {
  /** For what no rule is about: `SCMP_ACT_ERRNO`, … */
  readonly defaultAction: string;
  /** Default: 1 (EPERM). */
  readonly defaultErrnoRet?: number | undefined;
  /** `SCMP_ARCH_X86_64`, …; the machine's own is always among them. Not together with `archMap`. */
  readonly architectures?: readonly string[] | undefined;
  /** For each architecture a machine may have: which others its programs may use. */
  readonly archMap?: readonly ArchitectureRow[] | undefined;
  /** `SECCOMP_FILTER_FLAG_LOG`, …. Absent: `SECCOMP_FILTER_FLAG_SPEC_ALLOW`, as runc has it. */
  readonly flags?: readonly string[] | undefined;
  readonly syscalls?: readonly ProfileRule[] | undefined;
}

export interface ArchitectureRow {
  readonly architecture: string;
  readonly subArchitectures?: readonly string[] | undefined;
}

export interface ProfileRule {
  readonly names: readonly string[];
  readonly action: string;
  /** The errno of `SCMP_ACT_ERRNO`, the message of `SCMP_ACT_TRACE`. Default: 1. */
  readonly errnoRet?: number | undefined;
  /** All must hold; but of several on one argument each is a rule of its own. */
  readonly args?: readonly SeccompArgument[] | undefined;
  readonly comment?: string | undefined;
  /** The rule counts where all of this is so. */
  readonly includes?: RuleCondition | undefined;
  /** The rule does not count where any of this is so. */
  readonly excludes?: RuleCondition | undefined;
}

export interface RuleCondition {
  /** Capabilities of the container (its bounding set): `CAP_SYS_ADMIN`. */
  readonly caps?: readonly string[] | undefined;
  /** Of the machine, any of these: `amd64`, `arm64`. */
  readonly arches?: readonly string[] | undefined;
  /** `4.8` */
  readonly minKernel?: string | undefined;
}

/** What libseccomp and the kernel do, and the largest number that goes with it. */
const ACTIONS: Readonly<Record<string, { readonly most: number }>> = {
  SCMP_ACT_KILL: { most: 0 },
  SCMP_ACT_KILL_THREAD: { most: 0 },
  SCMP_ACT_KILL_PROCESS: { most: 0 },
  SCMP_ACT_TRAP: { most: 0 },
  SCMP_ACT_ERRNO: { most: 4095 },
  SCMP_ACT_TRACE: { most: 65_535 },
  SCMP_ACT_NOTIFY: { most: 0 },
  SCMP_ACT_LOG: { most: 0 },
  SCMP_ACT_ALLOW: { most: 0 },
};
const FLAGS = [
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  // A container's process has one thread when it gets its filter.
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];
/** Linux 5.19. */
const WAIT_KILLABLE = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
/** Whoever has this gets the descriptor, and that is not the container. */
const UNSUPPORTED = ["SECCOMP_FILTER_FLAG_NEW_LISTENER"];
const NOTIFY = "SCMP_ACT_NOTIFY";
const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((op) => `SCMP_CMP_${op}`);
const ARCHITECTURES = `X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32
  PPC PPC64 PPC64LE RISCV64 S390 S390X LOONGARCH64 PARISC PARISC64 M68K SH SHEB`
  .split(/\s+/)
  .map((name) => `SCMP_ARCH_${name}`);

/** The text of a profile. Throws `INVALID_ARGUMENT` with the place in it; `what` names it. */
export function parseProfileText(text: string, what: string): SeccompProfile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MarmitaError("INVALID_ARGUMENT", `${what} is not JSON: ${why}`, { cause });
  }
  return parseProfile(json, what);
}

/**
 * Throws `INVALID_ARGUMENT` with the place of what is wrong (`syscalls[3].args[0].op`): unknown
 * fields too, since one that is misspelled may be what a rule is meant to forbid. `UNSUPPORTED`
 * for actions and flags that are known and not carried out; unless `isAnswered`, for those too that
 * need somebody who answers for every call: the runtime of a bundle has one by `listenerPath`.
 */
export function parseProfile(
  json: unknown,
  what: string,
  { isAnswered = false }: { readonly isAnswered?: boolean } = {},
): SeccompProfile {
  const reader = new ProfileReader({ json, what, path: "" });
  const listener = ["listenerPath", "listenerMetadata"];
  if (isAnswered) for (const name of listener) void reader.findText(name);
  else reader.refuse(...listener);
  const architectures = reader.findList("architectures", parseArchitecture);
  const archMap = reader.findList("archMap", parseArchitectureRow);
  if (architectures !== undefined && architectures.length > 0 && archMap !== undefined) {
    throw reader.wrong("archMap", "not stand beside architectures");
  }
  const defaultAction = reader.read("defaultAction", parseAction);
  const profile: SeccompProfile = {
    defaultAction,
    defaultErrnoRet: reader.findNumber("defaultErrnoRet", mostOf(defaultAction)),
    architectures,
    archMap,
    flags: reader.findList("flags", (place) => parseWord(place, FLAGS)),
    syscalls: reader.findList("syscalls", parseRule),
  };
  reader.done();
  if (!isAnswered) refuseQuestions(profile, what);
  return profile;
}

function refuseQuestions(
  { defaultAction, flags = [], syscalls = [] }: SeccompProfile,
  what: string,
) {
  const rule = syscalls.findIndex(({ action }) => action === NOTIFY);
  const flag = flags.indexOf(WAIT_KILLABLE);
  if (defaultAction === NOTIFY) throw unsupported({ what, path: "defaultAction" }, NOTIFY);
  if (flag >= 0) throw unsupported({ what, path: `flags[${flag}]` }, WAIT_KILLABLE);
  if (rule >= 0) throw unsupported({ what, path: `syscalls[${rule}].action` }, NOTIFY);
}

function parseRule(place: Place): ProfileRule {
  const reader = new ProfileReader(place);
  const name = reader.findText("name") ?? "";
  const names = reader.findList("names", parseName) ?? [];
  if (name !== "" && names.length > 0) throw reader.wrong("name", "not stand beside names");
  const action = reader.read("action", parseAction);
  const rule: ProfileRule = {
    names: name === "" ? names : [reader.read("name", parseName)],
    action,
    errnoRet: reader.findNumber("errnoRet", mostOf(action)),
    args: reader.findList("args", parseArgument),
    comment: reader.findText("comment"),
    includes: reader.find("includes", parseCondition),
    excludes: reader.find("excludes", parseCondition),
  };
  if (rule.names.length === 0) throw reader.wrong("names", "name system calls");
  reader.done();
  return rule;
}

function parseArgument(place: Place): SeccompArgument {
  const reader = new ProfileReader(place);
  const argument = {
    index: reader.number("index", 5),
    value: reader.read("value", parseWhole64),
    valueTwo: reader.find("valueTwo", parseWhole64) ?? 0,
    op: reader.read("op", (one) => parseWord(one, OPERATORS)),
  };
  reader.done();
  return argument;
}

/** A bigint is what a config.json has beyond the numbers that JavaScript holds exactly. */
function parseWhole64(place: Place): Whole64 {
  const { json } = place;
  if (typeof json === "bigint" && json >= 0 && json < 2n ** 64n) return json;
  if (typeof json === "number" && Number.isSafeInteger(json) && json >= 0) return json;
  throw wrongAt(place, `be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

function parseCondition(place: Place): RuleCondition {
  const reader = new ProfileReader(place);
  const condition = {
    caps: reader.findList("caps", parseText),
    arches: reader.findList("arches", parseText),
    minKernel: reader.find("minKernel", parseKernel),
  };
  reader.done();
  return condition;
}

function parseArchitectureRow(place: Place): ArchitectureRow {
  const reader = new ProfileReader(place);
  const row = {
    architecture: reader.read("architecture", parseArchitecture),
    subArchitectures: reader.findList("subArchitectures", parseArchitecture),
  };
  reader.done();
  return row;
}

function parseArchitecture(place: Place): string {
  return parseWord(place, ARCHITECTURES);
}

function parseAction(place: Place): string {
  return parseWord(place, Object.keys(ACTIONS));
}

/** What may go with an action: nothing but 0 with most. */
function mostOf(action: string): number {
  return ACTIONS[action]?.most ?? 0;
}

function parseWord(place: Place, words: readonly string[]): string {
  const word = parseText(place);
  if (words.includes(word)) return word;
  if (UNSUPPORTED.includes(word)) throw unsupported(place, word);
  throw wrongAt(place, `be one of ${words.join(", ")}`);
}

function parseText(place: Place): string {
  if (typeof place.json === "string") return place.json;
  throw wrongAt(place, "be a text");
}

/** The names of libseccomp; longer than any. */
function parseName(place: Place): string {
  const name = parseText(place);
  if (/^\w{1,63}$/.test(name)) return name;
  throw wrongAt(place, "be the name of a system call");
}

function parseKernel(place: Place): string | undefined {
  const text = parseText(place);
  if (text === "") return undefined;
  if (/^\d{1,3}\.\d{1,3}$/.test(text)) return text;
  throw wrongAt(place, 'be a version of Linux as in "4.8"');
}

function unsupported({ what, path }: Omit<Place, "json">, word: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `${what}: ${path}: ${word} is not supported`, {
    details: { field: path, value: word },
  });
}

function wrongAt(place: Place, expectation: string): MarmitaError {
  return ProfileReader.wrongAt(place, expectation);
}
