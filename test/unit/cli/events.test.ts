import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatJson, formatLine, formatOf } from "../../../lib/cli/events.ts";
import type { EngineEvent } from "../../../lib/engine/event-log.ts";

const DIE: EngineEvent = {
  type: "container",
  action: "die",
  id: "ab12",
  attributes: { name: "web", image: "busybox", exitCode: "137", note: "a\n\u001b[31m" },
  time: "2026-11-22T09:00:00.123456789Z",
};

describe("an event", () => {
  const zone = process.env["TZ"];
  beforeEach(() => {
    process.env["TZ"] = "Asia/Kolkata";
  });
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it("is a line as Docker has it, with nothing in it that steers the terminal", () => {
    expect(formatLine(DIE)).toBe(
      "2026-11-22T14:30:00.123456789+05:30 container die ab12 " +
        "(exitCode=137, image=busybox, name=web, note=a \\u001b[31m)",
    );
  });

  it("is a line without brackets where there is no more to tell", () => {
    process.env["TZ"] = "UTC";

    expect(formatLine({ ...DIE, type: "volume", action: "create", attributes: {} })).toBe(
      "2026-11-22T09:00:00.123456789Z volume create ab12",
    );
  });

  it("is JSON in Docker's keys, with every nanosecond", () => {
    expect(formatJson({ ...DIE, attributes: { image: "busybox" } })).toBe(
      '{"status":"die","id":"ab12","from":"busybox","Type":"container","Action":"die",' +
        '"Actor":{"ID":"ab12","Attributes":{"image":"busybox"}},"scope":"local",' +
        '"time":1795338000,"timeNano":1795338000123456789}',
    );
    expect(JSON.parse(formatJson({ ...DIE, type: "volume" }))).not.toHaveProperty("status");
    expect(formatOf("{{json .}}")(DIE)).toBe(formatJson(DIE));
    expect(formatOf("json")(DIE)).toBe(formatJson(DIE));
  });

  it("is what a template makes of it", () => {
    const format = formatOf(
      "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.From}} {{.Time}} {{.TimeNano}}",
    );

    expect(format(DIE)).toBe("container die ab12 web busybox 1795338000 1795338000123456789");
    expect(() => formatOf("{{.Type")).toThrow("template parsing error");
  });
});
