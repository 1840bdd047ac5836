import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pace, type TransferProgress } from "../../../lib/images/progress.ts";

const LAYER = `sha256:${"a".repeat(64)}` as const;
const OTHER = `sha256:${"b".repeat(64)}` as const;

const at = (currentBytes: number, layer: `sha256:${string}` = LAYER): TransferProgress => {
  return { layer, phase: "downloading", currentBytes, totalBytes: 1_000 };
};

describe("a pace", () => {
  let told: TransferProgress[];
  let pace: Pace;

  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    pace = new Pace((progress) => void told.push(progress));
  });
  afterEach(() => {
    pace[Symbol.dispose]();
    vi.useRealTimers();
  });

  it("tells how far a layer is ten times a second, and no more", () => {
    for (let bytes = 0; bytes < 999; bytes++) {
      pace.tell(at(bytes));
      vi.advanceTimersByTime(1);
    }

    expect(told.length).toBeGreaterThanOrEqual(9);
    expect(told.length).toBeLessThanOrEqual(11);
  });

  it("tells the last that was kept back when nothing follows", () => {
    for (const bytes of [1, 2, 3]) pace.tell(at(bytes));
    expect(told).toEqual([at(1)]);

    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([at(1), at(3)]);
  });

  it("tells each layer's and each phase's own", () => {
    const unpacking: TransferProgress = { ...at(1), phase: "unpacking" };
    for (const progress of [at(1), at(1, OTHER), unpacking, at(2), at(2, OTHER)])
      pace.tell(progress);

    expect(told).toEqual([at(1), at(1, OTHER), unpacking]);
  });

  it("tells the end at once, and nothing kept back after it", () => {
    for (const bytes of [1, 2, 1_000]) pace.tell(at(bytes));
    vi.advanceTimersByTime(1_000);

    expect(told).toEqual([at(1), at(1_000)]);
  });

  it("tells another phase at once, and nothing kept back after it", () => {
    const retry = { attempt: 2, delayMs: 100, reason: "reset" };
    const retrying: TransferProgress = { ...at(2), phase: "retrying", retry };
    for (const progress of [at(1), at(2), retrying]) pace.tell(progress);
    vi.advanceTimersByTime(1_000);

    expect(told).toEqual([at(1), retrying]);
  });

  it("tells nothing when it is over", () => {
    for (const bytes of [1, 2]) pace.tell(at(bytes));
    pace[Symbol.dispose]();
    vi.advanceTimersByTime(1_000);

    expect(told).toEqual([at(1)]);
  });
});
