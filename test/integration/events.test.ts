import { appendFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  OLD_FILES,
  ROTATE_BYTES,
  appendEvent,
  eventFiles,
  parseEventLine,
} from "../../lib/engine/event-log.ts";
import { Paths } from "../../lib/store/paths.ts";
import { temporaryFolder } from "../helpers/folder.ts";

const EVENT = {
  Type: "container",
  Action: "create",
  Actor: { ID: "ab12", Attributes: { image: "busybox", name: "web" } },
  timeNano: 1n,
};

const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);

async function somewhere(): Promise<Paths> {
  const paths = new Paths(await temporaryFolder());
  mkdirSync(paths.locks);
  return paths;
}

describe("the file of events", () => {
  it("is put aside when it is large, and so often only", async () => {
    const paths = await somewhere();
    const files = eventFiles(paths);
    const padding = `${"x".repeat(ROTATE_BYTES)}\n`;

    for (let round = 0; round < OLD_FILES + 2; round++) {
      appendFileSync(paths.events, padding);
      appendEvent(paths, { ...EVENT, Action: `round ${round}` });
    }

    const last = files.slice(1).map((path) => parseEventLine(linesOf(path).at(-1) ?? "")?.Action);
    expect(last).toEqual([`round ${OLD_FILES + 1}`, `round ${OLD_FILES}`]);
    expect(() => statSync(paths.events)).toThrow("ENOENT");
    expect(() => statSync(`${paths.events}.${OLD_FILES + 1}`)).toThrow("ENOENT");
  });
});
