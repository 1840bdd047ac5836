import { describe, expect, it } from "vitest";
import { isMarmitaError } from "../../../../lib/errors.ts";
import { DEFAULT_PROFILE } from "../../../../lib/runtime/seccomp/default-profile.ts";
import { parseProfile, parseProfileText } from "../../../../lib/runtime/seccomp/profile.ts";
import { resolveProfile } from "../../../../lib/runtime/seccomp/resolve.ts";
import { formatRules } from "../../../../lib/runtime/seccomp/rules.ts";
import { randomNumbers } from "../../../helpers/random.ts";

const rule = { names: ["mkdir"], action: "SCMP_ACT_ERRNO" };
const profile = (more: object) => ({ defaultAction: "SCMP_ACT_ALLOW", ...more });
const withRule = (more: object) => profile({ syscalls: [rule, { ...rule, ...more }] });
const withArg = (more: object) =>
  withRule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ", ...more }] });

describe("a seccomp profile", () => {
  it("is read as Docker writes it", () => {
    const text = JSON.stringify({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
      syscalls: [
        { names: ["read"], action: "SCMP_ACT_ALLOW", args: [], comment: "", includes: {} },
        { name: "old", action: "SCMP_ACT_TRACE", errnoRet: 9, args: null, excludes: {} },
        { names: ["ptrace"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "4.8" } },
      ],
    });

    expect(parseProfileText(text, "profile").syscalls).toMatchObject([
      { names: ["read"], args: [] },
      { names: ["old"], errnoRet: 9 },
      { includes: { minKernel: "4.8" } },
    ]);
  });

  it("is read as config.json has it", () => {
    const json = {
      defaultAction: "SCMP_ACT_KILL_PROCESS",
      architectures: ["SCMP_ARCH_AARCH64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      listenerPath: "",
      syscalls: [rule],
    };

    expect(parseProfile(json, "p")).toMatchObject({ flags: ["SECCOMP_FILTER_FLAG_LOG"] });
  });

  it("of ours is one", () => {
    expect(JSON.stringify(parseProfile(DEFAULT_PROFILE, "p"))).toBe(
      JSON.stringify(parseProfile(JSON.parse(JSON.stringify(DEFAULT_PROFILE)), "p")),
    );
  });

  it.each([
    ["no object", [], "p: expected it to be a JSON object, got []"],
    ["no default action", {}, "p: defaultAction: expected it to be there, got nothing"],
    ["an unknown action", { defaultAction: "ALLOW" }, "p: defaultAction: expected it to be one of"],
    ["a misspelled field", profile({ syscals: [] }), "p: syscals: expected it to not be there"],
    ["both architectures", profile({ architectures: ["SCMP_ARCH_X86"], archMap: [] }), "archMap"],
    ["an unknown architecture", profile({ architectures: ["amd64"] }), "p: architectures[0]"],
    ["an unknown flag", profile({ flags: ["LOG"] }), "p: flags[0]"],
    ["rules that are no list", profile({ syscalls: {} }), "p: syscalls: expected it to be a list"],
    ["a rule that is none", profile({ syscalls: [1] }), "p: syscalls[0]: expected it to be a JSON"],
    ["a rule for nothing", withRule({ names: [] }), "p: syscalls[1].names"],
    ["a rule with two kinds of names", withRule({ name: "x" }), "p: syscalls[1].name"],
    ["a name that is none", withRule({ names: ["read", "a b"] }), "p: syscalls[1].names[1]"],
    ["a name with a newline", withRule({ names: ["read\nrule"] }), "p: syscalls[1].names[0]"],
    ["a rule that is misspelled", withRule({ arg: [] }), "p: syscalls[1].arg: expected it to not"],
    ["an errno too large", withRule({ errnoRet: 4096 }), "p: syscalls[1].errnoRet"],
    ["an errno for what has none", withRule({ action: "SCMP_ACT_KILL", errnoRet: 1 }), "errnoRet"],
    ["a seventh argument", withArg({ index: 6 }), "p: syscalls[1].args[0].index"],
    ["a negative value", withArg({ value: -1 }), "p: syscalls[1].args[0].value"],
    ["a value that is lost", withArg({ value: 2 ** 53 }), "p: syscalls[1].args[0].value"],
    ["a text for a value", withArg({ value: "1" }), "p: syscalls[1].args[0].value"],
    ["an unknown comparison", withArg({ op: "==" }), "p: syscalls[1].args[0].op"],
    ["a kernel that is none", withRule({ includes: { minKernel: "5" } }), "includes.minKernel"],
    ["an unknown condition", withRule({ excludes: { cap: ["x"] } }), "p: syscalls[1].excludes.cap"],
  ])("with %s is refused, with the place", (_what, json, message) => {
    expect(() => parseProfile(json, "p")).toThrow(message);
    expect(() => parseProfile(json, "p")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it.each([
    ["SCMP_ACT_NOTIFY", profile({ syscalls: [{ names: ["x"], action: "SCMP_ACT_NOTIFY" }] })],
    ["listenerPath", profile({ listenerPath: "/run/x" })],
    ["WAIT_KILLABLE_RECV", profile({ flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] })],
  ])("with %s is refused by name", (name, json) => {
    expect(() => parseProfile(json, "p")).toThrow(name);
    expect(() => parseProfile(json, "p")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });

  it("that is no JSON is refused in the words of who read it", () => {
    expect(() => parseProfileText('{"defaultAction": }', "profile x.json")).toThrow(
      /^profile x\.json is not JSON: .*Unexpected token/,
    );
  });

  it("with anything in the place of anything is refused on purpose or has rules of the format", () => {
    const random = randomNumbers(20261122);
    const outcomes = Array.from({ length: 2_000 }, () => outcome(damaged(SAMPLE, random)));

    expect(new Set(outcomes)).toEqual(new Set(["INVALID_ARGUMENT", "UNSUPPORTED", "rules"]));
  });
});

/** How the way from JSON to rules ends: with lines, or with a code of ours. */
function outcome(json: unknown): string {
  try {
    const place = { capabilities: ["CAP_CHOWN"], arch: "x64", kernel: "6.1" };
    const text = formatRules(resolveProfile(parseProfile(json, "p"), place), "x64");
    return LINES.test(text) ? "rules" : text;
  } catch (error) {
    return isMarmitaError(error) ? error.code : String(error);
  }
}

/** native/core/seccomp_rules.h, as one expression. */
const LINES = new RegExp(
  "^marmita-seccomp 1\\nflags \\d+\\ndefault [A-Z_]+ \\d+\\n(arch \\w+\\n)+(enosys\\n)?" +
    "(rule [A-Z_]+ \\d+ \\w{1,63}( [0-5]:[A-Z_]+:\\d+:\\d+)*\\n)*$",
);

const SAMPLE = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
  flags: ["SECCOMP_FILTER_FLAG_TSYNC"],
  syscalls: [
    {
      names: ["clone", "write"],
      action: "SCMP_ACT_ALLOW",
      errnoRet: 0,
      args: [{ index: 0, value: 7, valueTwo: 7, op: "SCMP_CMP_MASKED_EQ" }],
      includes: { caps: ["CAP_CHOWN"], arches: ["amd64"], minKernel: "4.8" },
      excludes: {},
    },
  ],
};

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  1e300,
  0.5,
  2 ** 53,
  "",
  "x",
  "a\nb",
  "__proto__",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_LOG",
  "SCMP_CMP_GT",
  [],
  [[]],
  {},
  { name: "x" },
];

/** One value somewhere in it replaced by an odd one. */
function damaged(json: unknown, random: () => number): unknown {
  const odd = ODD[Math.floor(random() * ODD.length)];
  if (typeof json !== "object" || json === null || random() < 0.1) return odd;
  const entries = Object.entries(json);
  const at = Math.floor(random() * entries.length);
  const changed = entries.map(([key, value], index): [string, unknown] => {
    return [key, index === at ? damaged(value, random) : value];
  });
  return Array.isArray(json) ? changed.map(([, value]) => value) : Object.fromEntries(changed);
}
