import { describe, expect, it } from "vitest";
import {
  DETACH_KEYS_FLAG,
  DetachKeys,
  detachKeys,
  parseDetachKeys,
} from "../../../lib/cli/detach-keys.ts";
import { parseFlags } from "../../../lib/cli/flags.ts";

describe("parseDetachKeys", () => {
  it.each([
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-P", [16]],
    ["a", [97]],
    ["A,1, ", [65, 49, 32]],
    ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
    ["ctrl-z,DEL", [26, 127]],
  ])("reads %j", (text, bytes) => {
    expect([...(parseDetachKeys(text) ?? [])]).toEqual(bytes);
  });

  it.each(["ctrl-", "ctrl-1", "ctrl-ab", "alt-a", "ab", "a,", ",", "é", "ctrl-p ctrl-q"])(
    "refuses %j",
    (text) => {
      expect(() => parseDetachKeys(text)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    },
  );

  it("has none of nothing", () => {
    expect(parseDetachKeys("")).toBeUndefined();
  });
});

describe("the keys to detach by", () => {
  it("are those of the flag, of the environment, or Docker's", () => {
    const env = { MARMITA_DETACH_KEYS: "b" };
    const flags = (...args: string[]) => {
      return parseFlags({ flags: [DETACH_KEYS_FLAG], refused: {} }, args);
    };

    expect(detachKeys(flags("--detach-keys", "a"), env)).toEqual(Uint8Array.of(97));
    expect(detachKeys(flags(), env)).toEqual(Uint8Array.of(98));
    expect(detachKeys(flags(), {})).toEqual(Uint8Array.of(16, 17));
    expect(detachKeys(flags("--detach-keys="), env)).toBeUndefined();
    expect(() => detachKeys(flags("--detach-keys=no"), env)).toThrow(
      /invalid argument "no" for "--detach-keys" flag: "no" is no key/,
    );
  });

  /** What is passed on of chunks, and `!` where they were typed. */
  function typed(keys: string, chunks: readonly string[]): string {
    const search = new DetachKeys(parseDetachKeys(keys) ?? new Uint8Array());
    let passed = "";
    for (const chunk of chunks) {
      const { bytes, isDetached } = search.push(Buffer.from(chunk));
      passed += Buffer.from(bytes).toString();
      if (isDetached) return `${passed}!`;
    }
    return passed + Buffer.from(search.end()).toString();
  }

  it.each([
    ["a,b", ["ab"], "!"],
    ["a,b", ["a", "b"], "!"],
    ["a,b", ["xay", "abz"], "xay!"],
    ["a,b", ["aab"], "a!"],
    ["a,b", ["xa"], "xa"],
    ["a,a,b", ["aaab"], "a!"],
    ["a,b,a,c", ["aba", "bac"], "ab!"],
    ["a", ["x", "a"], "x!"],
    ["a,b", ["ba", "ba", "a", ""], "b!"],
    ["a,b", ["ac", "bb"], "acbb"],
  ])("%j in %j leaves %j", (keys, chunks, passed) => {
    expect(typed(keys, chunks)).toBe(passed);
  });

  it("are held back until another follows", () => {
    const search = new DetachKeys(Uint8Array.of(16, 17));

    expect(search.push(Uint8Array.of(97, 16))).toEqual({
      bytes: Uint8Array.of(97),
      isDetached: false,
    });
    expect(search.push(Uint8Array.of(98)).bytes).toEqual(Uint8Array.of(16, 98));
  });
});
