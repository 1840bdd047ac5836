import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoggedEvent, appendEvent, parseEventLine } from "../../../lib/engine/event-log.ts";
import { record } from "../../../lib/engine/events.ts";
import { Paths } from "../../../lib/store/paths.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const EVENT: LoggedEvent = {
  Type: "container",
  Action: "create",
  Actor: { ID: "ab12", Attributes: { image: "busybox", name: "web", note: 'a "b"\n' } },
  timeNano: 1_700_000_000_123_456_789n,
};

async function somewhere(): Promise<Paths> {
  return new Paths(await temporaryFolder());
}

const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);

describe("the file of events", () => {
  it("has a line for each, in Docker's shape and with every nanosecond", async () => {
    const paths = await somewhere();

    appendEvent(paths, EVENT);
    appendEvent(paths, { ...EVENT, Action: "destroy" });

    const [first = "", second = ""] = linesOf(paths.events);
    expect(JSON.parse(first)).toMatchObject({
      Type: "container",
      Action: "create",
      Actor: { ID: "ab12", Attributes: { image: "busybox" } },
      scope: "local",
      time: 1_700_000_000,
    });
    expect(parseEventLine(first)).toEqual(EVENT);
    expect(parseEventLine(second)?.Action).toBe("destroy");
    expect(statSync(paths.events).mode & 0o777).toBe(0o600);
  });

  it("takes nobody's work down with it when it cannot be written", async () => {
    const paths = new Paths(join(await temporaryFolder(), "gone"));

    expect(() => record({ paths }, { type: "image", action: "tag", id: "a" })).not.toThrow();
  });

  it("is no link to elsewhere", async () => {
    const paths = await somewhere();
    writeFileSync(join(paths.root, "precious"), "");
    symlinkSync(join(paths.root, "precious"), paths.events);

    record({ paths }, { type: "image", action: "tag", id: "a" });

    expect(readFileSync(join(paths.root, "precious"), "utf8")).toBe("");
  });
});

describe("a line of the file of events", () => {
  const whole = async () => {
    const paths = await somewhere();
    appendEvent(paths, EVENT);
    return linesOf(paths.events)[0] ?? "";
  };

  it("is found behind zeros, and behind half of another", async () => {
    const line = await whole();

    expect(parseEventLine(`${"\0".repeat(9)}${line}`)).toEqual(EVENT);
    expect(parseEventLine(`${line.slice(0, 60)}${line}`)).toEqual(EVENT);
  });

  it("may have a label that looks like its beginning", async () => {
    const paths = await somewhere();
    const Attributes = { Type: 'x"}', Action: '{"Type":"container"' };
    const event = { ...EVENT, Actor: { ID: "ab", Attributes } };

    appendEvent(paths, event);

    expect(parseEventLine(linesOf(paths.events)[0] ?? "")).toEqual(event);
  });

  it.each(["", "{}", "null", '{"Type":"container"}', '{"Type":"a","timeNano":1}', "\0\0"])(
    "is none: %j",
    (line) => {
      expect(parseEventLine(line)).toBeUndefined();
    },
  );

  it("is none when it is cut off", async () => {
    const line = await whole();

    for (let end = 0; end < line.length; end++) {
      expect(parseEventLine(line.slice(0, end))).toBeUndefined();
    }
  });
});
