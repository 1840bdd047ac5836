import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { main } from "../../../lib/runtime-cli/main.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const printed = vi.hoisted(() => ({ stdout: "", stderr: "" }));

vi.mock("../../../lib/cli/output.ts", async (original) => ({
  ...(await original<object>()),
  print: (text: string) => void (printed.stdout += text),
  printError: (text: string) => void (printed.stderr += text),
}));

describe("marmita-runtime", () => {
  let log: string;
  let root: string;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    log = join(folder, "log");
    root = join(folder, "state");
  });

  beforeEach(() => {
    printed.stdout = "";
    printed.stderr = "";
    rmSync(log, { force: true });
  });

  /** The exit code, and the message in the log. */
  async function call(...args: readonly string[]): Promise<{ code: number; message: unknown }> {
    const code = await main([`--root=${root}`, `--log=${log}`, "--log-format=json", ...args]);
    const { msg } = JSON.parse(readFileSync(log, "utf8")) as { msg: unknown };
    return { code, message: msg };
  }

  /** What runc 1.1 does and says, in its words where others read them. */
  it.each([
    ["state of none", ["state", "none"], 1, "container none does not exist"],
    ["kill of none", ["kill", "none"], 1, "does not exist"],
    ["delete of none", ["delete", "none"], 1, "does not exist"],
    ["start of none", ["start", "none"], 1, "does not exist"],
    ["exec in none", ["exec", "none", "true"], 255, "does not exist"],
    ["exec of nothing", ["exec", "none"], 255, "exec needs a command"],
    ["a variable without a value", ["exec", "-e", "FOO", "none", "true"], 1, "expected KEY=VALUE"],
    ["an id that is a path", ["create", "a/b"], 1, '"a/b" cannot be the id'],
    ["no id", ["create"], 1, '"create" requires exactly 1 argument(s)'],
    ["two ids", ["state", "a", "b"], 1, '"state" requires exactly 1 argument(s)'],
    ["a bundle that is none", ["create", "-b", "/nowhere", "c"], 1, "/nowhere is no bundle"],
    ["a signal that is none", ["kill", "none", "NOPE"], 1, 'unknown signal "NOPE"'],
    ["an option that is none", ["create", "--nope", "c"], 1, "unknown flag: --nope"],
    ["a command that is none", ["crate", "c"], 1, "unknown command crate"],
    ["a format that is none", ["list", "-f", "xml"], 1, 'expected "table" or "json"'],
    ["a table of ps without pids", ["ps", "none"], 1, "does not exist"],
    ["checkpoint", ["checkpoint", "c"], 1, "checkpoint is not supported"],
    ["restore", ["restore", "c"], 1, "restore is not supported"],
    ["update", ["update", "c"], 1, "update is not supported"],
    ["events", ["events", "c"], 1, "events is not supported"],
    ["kill by a regular expression", ["kill", "--regex", "c.*"], 1, "--regex is not supported"],
  ])("refuses %s", async (_, args, expected, words) => {
    const { code, message } = await call(...args);

    expect(code).toBe(expected);
    expect(message).toContain(words);
    expect(printed.stdout).toBe("");
    expect(printed.stderr).toMatch(/^marmita-runtime: /); // as well, for people
  });

  /** By this Podman finds out whether it may ask for one. */
  it("does not help with checkpoints", async () => {
    expect((await call("checkpoint", "--help")).code).toBe(1);
  });

  it.each([[], ["--help"], ["help"], ["help", "kill"], ["kill", "--help"], ["kill", "-h"]])(
    "helps with %j %j",
    async (...args) => {
      expect(await main(args.filter(Boolean))).toBe(0);
      expect(printed.stdout).toMatch(/^Usage: {2}marmita-runtime /);
      expect(printed.stderr).toBe("");
    },
  );

  it("shows how it is used where it was typed wrongly", async () => {
    await call("kil", "c");

    expect(printed.stderr).toBe(
      [
        "marmita-runtime: unknown command kil",
        "Did you mean marmita-runtime kill?",
        "",
        "Usage:  marmita-runtime [GLOBAL OPTIONS] COMMAND",
        "Run 'marmita-runtime --help' for more information",
        "",
      ].join("\n"),
    );
  });
});
