import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Log, formatLine } from "../../../lib/runtime-cli/log.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const time = new Date("2026-01-31T10:00:00.123Z");

describe("a line of the log", () => {
  it("is a row of words and quoted texts, as runc's", () => {
    const line = formatLine("text", {
      level: "error",
      message: 'exec: "nosuch": executable file not found in $PATH',
      fields: {},
      time,
    });

    expect(line).toBe(
      'time="2026-01-31T10:00:00Z" level=error msg="exec: \\"nosuch\\": executable file not found in $PATH"\n',
    );
  });

  it("is an object with level, msg and time in JSON, which Podman and containerd read", () => {
    const line = formatLine("json", { level: "error", message: "no", fields: { hint: "h" }, time });

    expect(JSON.parse(line)).toEqual({
      level: "error",
      msg: "no",
      hint: "h",
      time: "2026-01-31T10:00:00Z",
    });
  });

  it.each(["text", "json"] as const)("stays one, whatever the message (%s)", (format) => {
    const message = 'a\nb" level=info msg="c\u001b[2J';

    const line = formatLine(format, { level: "warning", message, fields: {}, time });

    expect(line.trimEnd()).not.toMatch(/[\p{Cc}]/u);
    expect(line).not.toContain('b" level=info');
  });

  it("has no words for what is not known", () => {
    const fields = { hint: undefined };

    const line = formatLine("text", { level: "error", message: "m", fields, time });

    expect(line).not.toContain("hint");
  });
});

describe("a log file", () => {
  it("is added to, and is the caller's", async () => {
    const file = join(await temporaryFolder(), "log");

    new Log({ file }).warn("one");
    new Log({ file, format: "json" }).error("two");

    const [one, two] = readFileSync(file, "utf8").split("\n");
    expect(one).toContain('level=warning msg="one"');
    expect(two).toContain('"msg":"two"');
    expect(statSync(file).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  it("has what is done only when somebody debugs", async () => {
    const file = join(await temporaryFolder(), "log");

    new Log({ file }).debug("no");
    new Log({ file, debug: true }).debug("yes");

    expect(readFileSync(file, "utf8")).toMatch(/^time="[^"]+" level=debug msg="yes"\n$/);
  });

  it("is refused where it cannot be opened", async () => {
    const file = join(await temporaryFolder(), "absent/log");

    expect(() => new Log({ file })).toThrow(`cannot open the log ${file}: no such file`);
  });

  it.each([undefined, "", "/dev/stderr"])("is standard error for %j", (file) => {
    expect(new Log({ file }).isOnStderr).toBe(true);
  });
});
