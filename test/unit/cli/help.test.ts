import { describe, expect, it } from "vitest";
import { COMMANDS, findCommand } from "../../../lib/cli/commands.ts";
import { formatCommandHelp, formatFlags } from "../../../lib/cli/help.ts";
import { formatError, formatUsageError } from "../../../lib/cli/report.ts";
import { UsageError } from "../../../lib/cli/usage.ts";
import { MarmitaError } from "../../../lib/errors.ts";

describe("the help of a command", () => {
  it("has the form of Docker's", async () => {
    const entry = COMMANDS.find(({ names }) => names.includes("rm"))!;

    const help = formatCommandHelp({ path: "rm", entry, command: await entry.load() });

    expect(help).toBe(`Usage:  marmita rm [OPTIONS] CONTAINER [CONTAINER...]

Remove one or more containers

Aliases:
  marmita container rm, marmita container remove, marmita rm

Options:
  -f, --force     Force the removal of a running container (uses SIGKILL)
  -v, --volumes   Remove anonymous volumes associated with the container
`);
  });

  it("keeps within the terminal, with the meanings in one column", () => {
    const flags = [
      {
        name: "workdir",
        short: "w",
        value: "string",
        help: "Working directory inside the container",
      },
      { name: "rm", help: "Remove it" },
    ];

    expect(formatFlags(flags, { columns: 50 })).toBe(
      "      --rm               Remove it\n" +
        "  -w, --workdir string   Working directory inside\n" +
        "                         the container",
    );
  });
});

describe("words", () => {
  it.each([
    ["run", undefined, "command"],
    ["run", "busybox", "command"],
    ["container", "run", "command"],
    ["image", "ls", "command"],
    ["image", undefined, "group"],
    ["image", "--help", "group"],
    ["image", "bogus", "unknown"],
    ["image", "pull", "command"],
    ["image", "build", "later"],
    ["container", "exec", "command"],
    ["container", "checkpoint", "later"],
    ["pull", "busybox", "command"],
    ["network", "ls", "later"],
    ["volume", "ls", "command"],
    ["volume", "exists", "later"],
    ["bogus", "run", "unknown"],
    ["__proto__", undefined, "unknown"],
    ["debug", "plan", "command"],
  ])("%s %s name a command, one to come, or none", (first, second, kind) => {
    expect(findCommand(first, second).kind).toBe(kind);
  });
});

describe("a failure", () => {
  const failure = new MarmitaError("NOT_FOUND", "no such image: x", { hint: "Load it first." });

  it("is one line and a hint", () => {
    expect(formatError(failure)).toBe("marmita: no such image: x\nLoad it first.\n");
  });

  it("shows stacks and causes when debugging", () => {
    const error = new Error("outer", { cause: new Error("inner") });

    expect(formatError(error)).toBe("marmita: outer\n");
    expect(formatError(error, true)).toMatch(/^marmita: outer\nError: outer\n.*\nError: inner\n/s);
  });

  it("of the command line ends with the usage", () => {
    const text = formatUsageError(new UsageError("unknown flag: --x"), "ps", "[OPTIONS]");

    expect(text).toBe(
      "marmita: unknown flag: --x\n\nUsage:  marmita ps [OPTIONS]\n\n" +
        "Run 'marmita ps --help' for more information\n",
    );
  });

  it("that is a refusal names the command", () => {
    const error = new UsageError("--memory is not supported yet", { form: "refusal" });

    expect(formatUsageError(error, "run", "IMAGE")).toBe(
      "marmita run: --memory is not supported yet\n",
    );
  });
});
