import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_PROFILE } from "../../../../lib/runtime/seccomp/default-profile.ts";
import type { ProfileRule } from "../../../../lib/runtime/seccomp/profile.ts";

describe("the default profile", () => {
  it("says what Docker's says", () => {
    expect(namesByCondition()).toEqual(readDocker());
  });

  it("names no call twice under the same conditions", () => {
    for (const { names } of DEFAULT_PROFILE.syscalls ?? []) {
      expect(names).toHaveLength(new Set(names).size);
    }
  });

  it("has the sub-architectures of both machines", () => {
    expect(DEFAULT_PROFILE.archMap).toEqual([
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    ]);
  });
});

type Table = Record<string, readonly string[]>;

function readDocker(): Table {
  const text = readFileSync(new URL("docker-default.txt", import.meta.url), "utf8");
  const table: Record<string, string[]> = {};
  let names: string[] = [];
  for (const line of text.split("\n")) {
    const condition = /^\[(.*)\]$/.exec(line)?.[1];
    if (condition !== undefined) table[condition] = names = [];
    else if (line.startsWith("default ")) table[line] = [];
    else if (line !== "" && !line.startsWith("#")) names.push(...line.split(" "));
  }
  return table;
}

function namesByCondition(): Table {
  const { defaultAction, defaultErrnoRet, syscalls = [] } = DEFAULT_PROFILE;
  const table: Record<string, string[]> = {
    [`default ${short(defaultAction)} ${defaultErrnoRet}`]: [],
  };
  for (const rule of syscalls) (table[conditionOf(rule)] ??= []).push(...rule.names);
  for (const names of Object.values(table)) names.sort();
  return table;
}

/** `ALLOW if 0 EQ 8 0 without CAP_SYS_ADMIN` */
function conditionOf({ action, errnoRet, args = [], includes, excludes }: ProfileRule): string {
  const list = (word: string, items: readonly string[] | undefined) =>
    items === undefined ? [] : [word, items.toSorted().join(",")];
  return [
    short(action),
    ...(errnoRet === undefined ? [] : [errnoRet]),
    ...args.flatMap(({ index, op, value, valueTwo = 0 }) => [
      "if",
      index,
      short(op),
      value,
      valueTwo,
    ]),
    ...list("on", includes?.arches),
    ...list("with", includes?.caps),
    ...list("without", excludes?.caps),
    ...(includes?.minKernel === undefined ? [] : ["from", includes.minKernel]),
  ].join(" ");
}

function short(word: string): string {
  return word.replace(/^SCMP_(?:ACT|CMP)_/, "");
}
