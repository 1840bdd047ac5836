import { describe, expect, it } from "vitest";
import { parseVolumesFrom } from "../../../lib/engine/volumes-from.ts";

describe("a container to take mounts from", () => {
  it.each([
    ["web", { container: "web", readOnly: false }],
    ["web:", { container: "web", readOnly: false }],
    ["web:ro", { container: "web", readOnly: true }],
    ["0123ab:rw,z", { container: "0123ab", readOnly: false }],
    ["web:Z,ro", { container: "web", readOnly: true }],
  ])("is %s", (text, parsed) => {
    expect(parseVolumesFrom(text)).toEqual(parsed);
  });

  it.each(["", ":ro", "web:ro:rw", "web:ro,rw", "web:rslave", "web:nocopy"])(
    "is not %j",
    (text) => {
      expect(() => parseVolumesFrom(text)).toThrow("expected a container's name and :ro or :rw");
    },
  );
});
