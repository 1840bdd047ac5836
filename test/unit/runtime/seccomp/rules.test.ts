import { describe, expect, it } from "vitest";
import { formatRules, rulesOf } from "../../../../lib/runtime/seccomp/rules.ts";

const allow = { defaultAction: "SCMP_ACT_ALLOW" };
const arg = (index: number, op: string, value: number, valueTwo = 0) => {
  return { index, op: `SCMP_CMP_${op}`, value, valueTwo };
};

describe("the rules of a filter", () => {
  it("are lines without choices", () => {
    const seccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X32", "SCMP_ARCH_MIPS", "SCMP_ARCH_X86_64"],
      syscalls: [
        { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
        { names: ["read"], action: "SCMP_ACT_ALLOW" },
        { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [arg(0, "MASKED_EQ", 7, 7)] },
        { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
        { names: ["kill"], action: "SCMP_ACT_KILL" },
      ],
    };

    expect(formatRules(seccomp, "x64").split("\n")).toEqual([
      "marmita-seccomp 1",
      "flags 4",
      "default ERRNO 1",
      "arch x86_64",
      "arch x32",
      "enosys",
      "rule ALLOW 0 read",
      "rule ALLOW 0 write",
      "rule ALLOW 0 clone 0:MASKED_EQ:7:7",
      "rule ERRNO 38 clone3",
      "rule KILL_THREAD 0 kill",
      "",
    ]);
  });

  it("have all conditions of a rule in one, but for those on the same argument", () => {
    const args = [arg(0, "GE", 1), arg(1, "LT", 2)];
    const same = [arg(0, "EQ", 1), arg(0, "EQ", 2)];
    const rule = { names: ["x"], action: "SCMP_ACT_LOG" };

    const text = formatRules(
      {
        ...allow,
        syscalls: [
          { ...rule, args },
          { ...rule, args: same },
        ],
      },
      "x64",
    );

    expect(text.split("\n").slice(-4)).toEqual([
      "rule LOG 0 x 0:GE:1:0 1:LT:2:0",
      "rule LOG 0 x 0:EQ:1:0",
      "rule LOG 0 x 0:EQ:2:0",
      "",
    ]);
  });

  it("know no newer calls where everything is allowed that is not named", () => {
    expect(formatRules(allow, "arm64")).toBe(
      "marmita-seccomp 1\nflags 4\ndefault ALLOW 0\narch aarch64\n",
    );
  });

  it.each([
    ["none", [], 0],
    ["LOG", ["SECCOMP_FILTER_FLAG_LOG"], 2],
    ["all", ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 6],
    ["TSYNC, with one thread", ["SECCOMP_FILTER_FLAG_TSYNC"], 0],
  ])("have the flags that are given: %s", (_what, flags, number) => {
    expect(formatRules({ ...allow, flags }, "x64")).toContain(`\nflags ${number}\n`);
  });

  it("are refused on machines that have no filters of ours", () => {
    expect(() => formatRules(allow, "s390x")).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });

  it("give the filter its name", () => {
    const rules = rulesOf(allow);

    expect(rules.name).toMatch(/^[0-9a-f]{64}\.bpf$/);
    expect(rulesOf(allow)).toBe(rules);
    expect(rulesOf({ ...allow })).toEqual(rules);
    expect(rulesOf({ ...allow, flags: [] }).name).not.toBe(rules.name);
  });
});
