import { expect, it } from "vitest";
import { inFlags } from "../../../lib/runtime-cli/failure.ts";

it.each([
  ["delete", "Kill it first, or use `force`.", "Kill it first, or use --force."],
  ["exec", "Resume it first, or give `ignorePaused`.", "Resume it first, or give --ignore-paused."],
  [
    "list",
    "Name another one with `root` (on the command line: --root).",
    "Name another one with --root.",
  ],
  ["exec", "config.json: process.apparmorProfile: no", "process.apparmorProfile (--apparmor): no"],
  [
    "create",
    "config.json: process.apparmorProfile: no",
    "config.json: process.apparmorProfile: no",
  ],
  ["create", "Set `process.terminal` in config.json.", "Set `process.terminal` in config.json."],
])("tells of %s in its own words: %s", (command, text, expected) => {
  expect(inFlags(text, command)).toBe(expected);
});
