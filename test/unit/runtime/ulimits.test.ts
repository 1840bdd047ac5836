import { describe, expect, it } from "vitest";
import { formatConfigJson } from "../../../lib/runtime/config-json.ts";
import type { RuntimeSpec } from "../../../lib/oci/runtime-spec.ts";
import { kernelLimits, rlimits, UNLIMITED } from "../../../lib/runtime/ulimits.ts";

const ALL = 2n ** 64n - 1n;

describe("limits", () => {
  it("become config.json's, and the kernel's", () => {
    const spec = rlimits({ nofile: 1024, core: { soft: 0, hard: -1 }, nproc: Infinity });

    expect(spec).toEqual([
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 1024 },
      { type: "RLIMIT_CORE", soft: 0, hard: UNLIMITED },
      { type: "RLIMIT_NPROC", soft: UNLIMITED, hard: UNLIMITED },
    ]);
    expect(kernelLimits(spec)).toEqual([
      ["nofile", 7, 1024n, 1024n],
      ["core", 4, 0n, ALL],
      ["nproc", 6, ALL, ALL],
    ]);
  });

  it("without end are in config.json to the last digit, and so they are read", () => {
    const process = { rlimits: rlimits({ core: -1 }), args: ['"soft":18446744073709552000'] };
    const spec: Pick<RuntimeSpec, "process"> = { process } as never;
    const text = formatConfigJson(spec as RuntimeSpec);

    expect(text).toContain('"soft":18446744073709551615,"hard":18446744073709551615');
    expect(text).toContain(String.raw`\"soft\":18446744073709552000`);
    expect(kernelLimits(JSON.parse(text).process.rlimits)).toEqual([["core", 4, ALL, ALL]]);
  });

  it.each([
    ["of an unknown kind", [{ type: "RLIMIT_MOOD", soft: 1, hard: 1 }], "RLIMIT_MOOD"],
    ["without the prefix", [{ type: "NOFILE", soft: 1, hard: 1 }], "NOFILE"],
    [
      "that are properties of objects",
      [{ type: "RLIMIT_CONSTRUCTOR", soft: 1, hard: 1 }],
      "no limit",
    ],
    ["without values", [{ type: "RLIMIT_CORE" }], "whole numbers"],
    [
      "with a soft one above the hard one",
      [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }],
      "more than",
    ],
    [
      "given twice",
      [
        { type: "RLIMIT_CORE", soft: 1, hard: 1 },
        { type: "RLIMIT_CORE", soft: 2, hard: 2 },
      ],
      "twice",
    ],
  ])("%s are refused", (_, limits, words) => {
    expect(() => kernelLimits(limits as never)).toThrow(words);
  });
});
