import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { parseFlags, type Grammar } from "../../../lib/cli/flags.ts";

const grammar: Grammar = {
  flags: [
    { name: "rm", help: "" },
    { name: "interactive", short: "i", help: "" },
    { name: "env", short: "e", value: "list", help: "" },
    { name: "network", also: "net", value: "string", help: "" },
    { name: "hostname", short: "h", value: "string", help: "" },
  ],
  refused: { switches: "tty|t detach|d", values: "memory|m cpus" },
};
const runLike: Grammar = { ...grammar, stopsAtFirstArgument: true };

describe("flags", () => {
  it.each([
    ["a switch", ["--rm"], "rm", ["true"]],
    ["a switch with a value", ["--rm=false"], "rm", ["false"]],
    ["a letter with a value", ["-i=false"], "interactive", ["false"]],
    ["Go's spellings of true", ["--rm=T"], "rm", ["true"]],
    ["a value after a space", ["--env", "A=B"], "env", ["A=B"]],
    ["a value after =", ["--env=A=B"], "env", ["A=B"]],
    ["a value that looks like a flag", ["--env", "--rm"], "env", ["--rm"]],
    ["a value that looks like a switch with a value", ["-e", "-i=x"], "env", ["-i=x"]],
    ["a letter and a value", ["-e", "A=B"], "env", ["A=B"]],
    ["a letter glued to its value", ["-eA=B"], "env", ["A=B"]],
    ["a letter, = and a value", ["-e=A=B"], "env", ["A=B"]],
    ["letters in a row, the last with a value", ["-ie", "A=B"], "env", ["A=B"]],
    ["an empty value", ["--network="], "network", [""]],
    ["another spelling", ["--net", "host"], "network", ["host"]],
    ["a flag given twice", ["-e", "A=1", "-e", "B=2"], "env", ["A=1", "B=2"]],
    ["a refused switch that is off", ["--tty=false"], "tty", ["false"]],
    ["-h that is not help", ["-h", "web"], "hostname", ["web"]],
  ])("take %s", (_, args, name, values) => {
    expect(parseFlags(grammar, args).all(name)).toEqual(values);
  });

  it.each([
    ["an unknown flag", ["--foo"], "unknown flag: --foo"],
    ["an unknown flag with a value", ["--foo=1"], "unknown flag: --foo"],
    ["an unknown letter", ["-Z"], "unknown shorthand flag: 'Z' in -Z"],
    ["an unknown letter among others", ["-iZ"], "unknown shorthand flag: 'Z' in -iZ"],
    ["no value", ["--env"], "flag needs an argument: --env"],
    ["no value after a letter", ["-e"], "flag needs an argument: 'e' in -e"],
    [
      "a switch that is neither on nor off",
      ["--rm=maybe"],
      'invalid argument "maybe" for "--rm" flag: expected true or false',
    ],
    [
      "the same of one with a letter",
      ["-i=maybe"],
      'invalid argument "maybe" for "-i, --interactive" flag: expected true or false',
    ],
  ])("complain of %s", (_, args, message) => {
    expect(() => parseFlags(grammar, args)).toThrow(
      expect.objectContaining({ message, exitCode: 125, form: "usage" }),
    );
  });

  it.each([
    [["--memory", "1g"], "--memory is not supported yet"],
    [["--memory=1g"], "--memory is not supported yet"],
    [["-m1g"], "-m (--memory) is not supported yet"],
    [["-it"], "-t (--tty) is not supported yet"],
    [["--detach=true"], "--detach is not supported yet"],
  ])("refuse %j by name", (args, message) => {
    expect(() => parseFlags(grammar, args)).toThrow(
      expect.objectContaining({ message, exitCode: 125, form: "refusal" }),
    );
  });

  it("stand between and after arguments", () => {
    const flags = parseFlags(grammar, ["one", "--rm", "two", "-i", "--", "--env"]);

    expect(flags.args).toEqual(["one", "two", "--env"]);
    expect(flags.has("rm")).toBe(true);
    expect(flags.has("interactive")).toBe(true);
  });

  it("belong to the command in the container after its image", () => {
    const flags = parseFlags(runLike, ["--rm", "busybox", "ls", "-i=x", "--", "--foo"]);

    expect(flags.args).toEqual(["busybox", "ls", "-i=x", "--", "--foo"]);
    expect(flags.has("interactive")).toBe(false);
  });

  it("end at --", () => {
    expect(parseFlags(runLike, ["--rm", "--", "-i", "-t"]).args).toEqual(["-i", "-t"]);
  });

  it("take - for an argument", () => {
    expect(parseFlags(grammar, ["-", "--rm"]).args).toEqual(["-"]);
  });

  it("have -h for help where nothing else is h", () => {
    expect(parseFlags({ flags: [], refused: {} }, ["-h"]).has("help")).toBe(true);
  });

  it("tell which value of which flag was wrong", () => {
    const flags = parseFlags(grammar, ["-e", "=x"]);
    const refuse = () => {
      throw new MarmitaError("INVALID_ARGUMENT", "no key");
    };

    expect(() => flags.map("env", refuse)).toThrow(
      'invalid argument "=x" for "-e, --env" flag: no key',
    );
  });
});
