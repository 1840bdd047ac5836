import { describe, expect, it } from "vitest";
import { execHint } from "../../../lib/runtime/exec-hints.ts";

describe("execHint", () => {
  it.each([
    ["exec /run, a script without #!", "first line must name an interpreter"],
    ["exec /run, a program for arm64", "another processor"],
    ["exec /run, whose interpreter /bin/sh and a carriage return cannot be run", "Unix line ends"],
    ["exec /run, whose interpreter /bin/bash cannot be run", "install that in the image"],
    ["exec /run, which is not executable", "chmod +x"],
    ["exec /run with an argument of 140000 bytes, more than 131071", "write it to a file"],
    ["exec /run with 9 bytes of arguments and 8 of environment", "quarter of the stack limit"],
  ])("for %s says what to do", (what, words) => {
    expect(execHint(what)).toContain(words);
  });

  it.each(["exec /run", "exec x: not found in $PATH", "exec /run, a program for Windows"])(
    "for %s knows nothing",
    (what) => {
      expect(execHint(what)).toBeUndefined();
    },
  );
});
