import { describe, expect, it } from "vitest";
import { type Ancestry, childrenOf, isChildOf, parentOf } from "../../../lib/images/parent.ts";
import { digestOf } from "../../../lib/oci/digest.ts";
import type { HistoryEntry } from "../../../lib/oci/image-config.ts";

/** Each step a history entry; those in capitals have a layer. */
function image(...steps: readonly string[]): Ancestry {
  const history = steps.map((step): HistoryEntry => {
    const created = "2026-01-01T00:00:00Z";
    const isEmpty = step !== step.toUpperCase();
    return { created, created_by: step, ...(isEmpty && { empty_layer: true }) };
  });
  const layers = steps.filter((step) => step === step.toUpperCase());
  return { history, rootfs: { type: "layers", diff_ids: layers.map((step) => digestOf(step)) } };
}

const relative = (...steps: readonly string[]) => ({ config: image(...steps) });

describe("isChildOf()", () => {
  it.each([
    { name: "of one more layer", child: ["A", "B"], parent: ["A"], is: true },
    { name: "of two more", child: ["A", "B", "C"], parent: ["A"], is: true },
    { name: "of a change without a layer", child: ["A", "cmd"], parent: ["A"], is: true },
    { name: "is no child of itself", child: ["A"], parent: ["A"], is: false },
    { name: "is no child of its own child", child: ["A"], parent: ["A", "B"], is: false },
    {
      name: "of the same layers by another way",
      child: ["A", "b", "C"],
      parent: ["A", "c"],
      is: false,
    },
    { name: "of another layer below", child: ["B", "C"], parent: ["A"], is: false },
  ])("an image $name: $is", ({ child, parent, is }) => {
    expect(isChildOf(image(...child), image(...parent))).toBe(is);
  });

  it("needs the same history, not only the same layers", () => {
    const parent = { ...image("A"), history: [{ created_by: "another way to the same" }] };

    expect(isChildOf(image("A", "B"), parent)).toBe(false);
  });

  it("takes an absent field and an empty one for the same", () => {
    const parent = { ...image("A"), history: [{ ...image("A").history[0], comment: "" }] };

    expect(isChildOf(image("A", "B"), parent)).toBe(true);
  });

  it.each([
    ["another one without", { ...image("A", "B"), history: [] }],
    ["one of the same layers with", image("A")],
    ["one of more layers with", image("A", "B")],
  ])("an image without a history, whose layers say nothing, has no child: %s", (_which, other) => {
    expect(isChildOf(other, { ...image("A"), history: [] })).toBe(false);
  });
});

describe("parentOf()", () => {
  it("is the closest", () => {
    const [base, middle, top] = [relative("A"), relative("A", "B"), relative("A", "B", "C")];

    expect(parentOf(top, [base, top, middle])).toBe(middle);
    expect(parentOf(base, [base, top, middle])).toBeUndefined();
  });
});

describe("childrenOf()", () => {
  it("are all that were made of it", () => {
    const [base, other, top] = [relative("A"), relative("B"), relative("A", "b", "C")];

    expect(childrenOf(base, [base, other, top])).toEqual([top]);
  });
});
