import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseEventLine } from "../../../lib/engine/event-log.ts";
import { eventAttributes, recordContainer } from "../../../lib/engine/events.ts";
import { noteLoaded, notePruned, noteRemoved } from "../../../lib/engine/image-events.ts";
import { Paths } from "../../../lib/store/paths.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

const ID = `sha256:${"a".repeat(64)}` as const;

async function somewhere() {
  const paths = new Paths(await temporaryFolder());
  const events = () =>
    readFileSync(paths.events, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => parseEventLine(line));
  return { paths, events };
}

describe("an event of a container", () => {
  it("tells its image, its labels, its name and what belongs to the action", async () => {
    const { paths, events } = await somewhere();
    const container = { id: "ab", name: "web", image: { name: "busybox", layers: [] }, labels: {} };
    const before = BigInt(Date.now()) * 1_000_000n;

    recordContainer({ paths }, "kill", {
      container: { ...container, labels: { tier: "1" } },
      attributes: { signal: "15" },
    });

    const [event] = events();
    expect(event).toMatchObject({
      Type: "container",
      Action: "kill",
      Actor: { ID: "ab", Attributes: { image: "busybox", name: "web", tier: "1", signal: "15" } },
    });
    expect(event?.timeNano).toBeGreaterThanOrEqual(before);
    expect(event?.timeNano).toBeLessThan(BigInt(Date.now() + 1) * 1_000_000n);
  });

  it("leaves out labels that would make a book of each line", () => {
    const long = { book: "x".repeat(20_000) };

    expect(eventAttributes({ name: "busybox" }, long)).toEqual({ image: "busybox" });
  });

  it("is of the image that it is of, whatever a label says", () => {
    expect(eventAttributes({ name: "busybox" }, { image: "other" })).toEqual({ image: "busybox" });
  });
});

describe("events of images", () => {
  it("name what was loaded", async () => {
    const { paths, events } = await somewhere();

    noteLoaded({ paths }, "load", [
      { id: ID, names: ["a:1"] },
      { id: ID, names: [] },
    ]);

    expect(events().map((event) => event?.Actor.Attributes)).toEqual([
      { name: "a:1" },
      { name: ID },
    ]);
  });

  it("tell of names that went, and of the image when it went", async () => {
    const { paths, events } = await somewhere();

    noteRemoved({ paths }, { untagged: ["a:1"], deleted: [] }, ID);
    noteRemoved({ paths }, { untagged: ["b:1"], deleted: [ID, `sha256:${"b".repeat(64)}`] });

    expect(events().map((event) => [event?.Action, event?.Actor.ID])).toEqual([
      ["untag", ID],
      ["untag", ID],
      ["delete", ID],
    ]);
  });

  it("tell how much room a prune made", async () => {
    const { paths, events } = await somewhere();

    notePruned({ paths }, { images: [], reclaimedBytes: 12 });

    expect(events()[0]).toMatchObject({
      Action: "prune",
      Actor: { ID: "", Attributes: { reclaimed: "12" } },
    });
  });
});
