import { describe, expect, it } from "vitest";
import { type TransferProgress, paced } from "../../../lib/images/progress.ts";

const LAYER = `sha256:${"a".repeat(64)}` as const;
const OTHER = `sha256:${"b".repeat(64)}` as const;

/** What is passed on of `events`, each at its time in milliseconds. */
function passed(events: readonly (readonly [time: number, progress: TransferProgress])[]) {
  const told: TransferProgress[] = [];
  let time = 0;
  const onProgress = paced(
    (progress) => told.push(progress),
    () => time,
  );
  for (const [at, progress] of events) {
    time = at;
    onProgress(progress);
  }
  return told;
}

const at = (currentBytes: number, layer: `sha256:${string}` = LAYER): TransferProgress => {
  return { layer, phase: "downloading", currentBytes, totalBytes: 100 };
};

describe("paced", () => {
  it("tells how far a layer is ten times a second, and no more", () => {
    const told = passed([0, 10, 99, 100, 150, 200, 201].map((time) => [time, at(1)]));

    expect(told).toHaveLength(3);
  });

  it("tells each layer's and each phase's own", () => {
    const told = passed([
      [0, at(1)],
      [1, at(1, OTHER)],
      [2, { ...at(1), phase: "unpacking" }],
      [3, at(2)],
    ]);

    expect(told).toHaveLength(3);
  });

  it("tells the end at once", () => {
    expect(
      passed([
        [0, at(1)],
        [1, at(100)],
      ]),
    ).toEqual([at(1), at(100)]);
  });

  it("tells at once what is no measure", () => {
    const retry = { attempt: 2, delayMs: 100, reason: "reset" };
    const events: TransferProgress[] = [
      at(1),
      { ...at(1), phase: "retrying", retry },
      { layer: LAYER, phase: "downloaded" },
      { phase: "done" },
    ];

    expect(passed(events.map((progress) => [0, progress]))).toEqual(events);
  });

  it("lets through what the callback throws", () => {
    const onProgress = paced(() => {
      throw new Error("enough");
    });

    expect(() => onProgress({ phase: "resolving" })).toThrow("enough");
  });
});
