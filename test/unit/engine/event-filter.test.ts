import { describe, expect, it } from "vitest";
import { type EventFilters, eventTest } from "../../../lib/engine/event-filter.ts";
import type { EngineEvent } from "../../../lib/engine/event-log.ts";

const time = "2026-11-22T09:00:00.000000001Z";
const START: EngineEvent = {
  type: "container",
  action: "start",
  id: "ab12",
  attributes: { name: "web", image: "localhost:5000/busybox:1", tier: "front" },
  time,
};
const EXEC: EngineEvent = { ...START, action: "exec_start: ls -l" };
const TAG: EngineEvent = {
  type: "image",
  action: "tag",
  id: "sha256:aa",
  attributes: { name: "busybox:1" },
  time,
};
const VOLUME: EngineEvent = { type: "volume", action: "create", id: "data", attributes: {}, time };

describe("filters of events", () => {
  it.each<[string, EventFilters, readonly EngineEvent[]]>([
    ["nothing asked for", {}, [START, EXEC, TAG, VOLUME]],
    ["empty lists", { types: [], labels: [] }, [START, EXEC, TAG, VOLUME]],
    ["one of two types", { types: ["image", "volume"] }, [TAG, VOLUME]],
    ["an action", { actions: ["start"] }, [START]],
    ["an action whatever its command", { actions: ["exec_start"] }, [EXEC]],
    ["an action with its command", { actions: ["exec_start: ls -l"] }, [EXEC]],
    ["a container's name", { containers: ["web"] }, [START, EXEC]],
    ["the start of an id", { containers: ["ab"] }, [START, EXEC]],
    ["no end of a name", { containers: ["eb"] }, []],
    ["a volume", { volumes: ["data"] }, [VOLUME]],
    ["an image with its tag", { images: ["localhost:5000/busybox:1"] }, [START, EXEC]],
    ["an image without", { images: ["localhost:5000/busybox"] }, [START, EXEC]],
    ["an image by its own name", { images: ["busybox"] }, [TAG]],
    ["an image by its id", { images: ["sha256:aa"] }, [TAG]],
    ["a label", { labels: ["tier"] }, [START, EXEC]],
    ["a label's value", { labels: ["tier=front"] }, [START, EXEC]],
    ["all labels", { labels: ["tier=front", "other"] }, []],
    ["no label of all objects", { labels: ["toString"] }, []],
    ["two kinds", { containers: ["web"], actions: ["start"] }, [START]],
  ])("let pass what they say: %s", (_, filters, passing) => {
    expect([START, EXEC, TAG, VOLUME].filter(eventTest(filters))).toEqual(passing);
  });
});
