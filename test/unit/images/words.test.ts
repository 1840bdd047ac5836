import { describe, expect, it } from "vitest";
import { expandWord, splitWords } from "../../../lib/images/words.ts";

const variables = new Map([
  ["A", "1"],
  ["EMPTY", ""],
  ["LONG_NAME", "x y"],
]);

describe("words", () => {
  it.each([
    ["a b  c", ["a", "b", "c"]],
    ['a="b c" d', ['a="b c"', "d"]],
    ["a='b c'd e", ["a='b c'd", "e"]],
    ["a\\ b c", ["a\\ b", "c"]],
    ['"a \\" b" c', ['"a \\" b"', "c"]],
    ["  ", []],
    ["a\tb\nc", ["a", "b", "c"]],
  ])("%j are %j", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each([
    ["plain", "plain"],
    ["$A", "1"],
    ["${A}b", "1b"],
    ["$LONG_NAME!", "x y!"],
    ["$ABSENT.", "."],
    ["'$A'", "$A"],
    ['"$A"', "1"],
    ["\\$A", "$A"],
    ['"\\$A \\" \\n"', '$A " \\n'],
    ["'it''s'", "its"],
    ["${EMPTY:-else}", "else"],
    ["${A:-else}", "1"],
    ["${ABSENT:-$A}", "1"],
    ["${A:+set}", "set"],
    ["${ABSENT:+set}", ""],
    ["cost$", "cost$"],
    ["$5", "$5"],
    ["a\\", "a"],
  ])("%j means %j", (text, meaning) => {
    expect(expandWord(text, variables)).toBe(meaning);
  });

  it.each(["'a", '"a', "${A", "${A:?x}", "${}"])("%j is not closed, or not understood", (text) => {
    expect(() => expandWord(text, variables)).toThrow(SyntaxError);
  });
});
