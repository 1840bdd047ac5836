import { describe, expect, it } from "vitest";
import { historyOf, type NamedImage } from "../../../lib/images/history.ts";
import type { ImageContent } from "../../../lib/images/image.ts";
import type { HistoryEntry } from "../../../lib/oci/image-config.ts";
import type { Digest } from "../../../lib/oci/digest.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;

function image(id: string, layers: string, history: readonly HistoryEntry[]): NamedImage {
  const diffIds = Array.from(layers, digest);
  const content = {
    id: digest(id),
    config: { history, rootfs: { type: "layers", diff_ids: diffIds } },
    layers: diffIds.map((diffId) => ({ diffId, chainId: diffId })),
  };
  return { content: content as unknown as ImageContent, names: [`${id}:latest`] };
}

const BASE: readonly HistoryEntry[] = [
  { created: "2024-01-01T00:00:00Z", created_by: "ADD", comment: "base" },
  { created_by: "CMD", empty_layer: true },
];
const source = (images: readonly NamedImage[]) => ({
  images,
  size: async ({ diffId }: { diffId: string }) => Number.parseInt(diffId.at(-1) ?? "0", 16),
});

describe("the history of an image", () => {
  it("has the latest step first, with layers where there are some", async () => {
    const steps = await historyOf(image("a", "3", BASE), source([]));

    expect(steps).toEqual([
      {
        id: digest("a"),
        names: ["a:latest"],
        created: undefined,
        createdBy: "CMD",
        author: undefined,
        comment: "",
        size: 0,
        layer: undefined,
      },
      {
        id: undefined,
        names: [],
        created: "2024-01-01T00:00:00Z",
        createdBy: "ADD",
        author: undefined,
        comment: "base",
        size: 3,
        layer: digest("3"),
      },
    ]);
  });

  it("names the images that it was made from", async () => {
    const base = image("b", "3", BASE);
    const other = image("c", "4", BASE);
    const child = image("a", "35", [...BASE, { created_by: "sh", author: "eu" }]);

    const steps = await historyOf(child, source([base, other, child]));

    expect(steps.map(({ id, names, author }) => [id, names, author])).toEqual([
      [digest("a"), ["a:latest"], "eu"],
      [digest("b"), ["b:latest"], undefined],
      [undefined, [], undefined],
    ]);
  });

  it("has a step for each layer where it says nothing", async () => {
    const steps = await historyOf(image("a", "34", []), source([]));

    expect(steps.map(({ id, createdBy, size }) => [id, createdBy, size])).toEqual([
      [digest("a"), "", 4],
      [undefined, "", 3],
    ]);
  });
});
