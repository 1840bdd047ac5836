import { describe, expect, it } from "vitest";
import type { TransferProgress } from "../../../lib/images/progress.ts";
import { telling } from "../../../lib/images/telling.ts";

const untilAborted = (signal: AbortSignal) => {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
};

describe("telling", () => {
  it("passes on what is told, and what comes of the work", async () => {
    const told: TransferProgress[] = [];
    const onProgress = (progress: TransferProgress) => void told.push(progress);

    const done = await telling({ onProgress }, async (tell) => {
      tell({ phase: "resolving" });
      return 7;
    });

    expect(done).toBe(7);
    expect(told).toEqual([{ phase: "resolving" }]);
  });

  it("ends the work with what the callback throws", async () => {
    let calls = 0;
    const onProgress = () => {
      calls++;
      throw new Error("enough");
    };

    const work = telling({ onProgress }, async (tell, signal) => {
      const ended = untilAborted(signal);
      tell({ phase: "resolving" });
      tell({ phase: "resolved" });
      await ended;
    });

    await expect(work).rejects.toThrow("enough");
    expect(calls).toBe(1);
  });

  it("ends the work with what the callback throws later, of what was kept back", async () => {
    const layer = `sha256:${"a".repeat(64)}` as const;
    const onProgress = ({ currentBytes = 0 }: TransferProgress) => {
      if (currentBytes > 1) throw new Error("enough");
    };

    const work = telling({ onProgress }, async (tell, signal) => {
      const ended = untilAborted(signal);
      for (const currentBytes of [1, 2]) tell({ layer, phase: "downloading", currentBytes });
      await ended;
    });

    await expect(work).rejects.toThrow("enough");
  });

  it("passes on an abort, with its reason", async () => {
    const abort = new AbortController();
    const work = telling({ signal: abort.signal }, async (_, signal) => untilAborted(signal));
    abort.abort(new Error("no more"));

    await expect(work).rejects.toThrow("no more");
  });

  it("begins with what is aborted as such", async () => {
    const signal = AbortSignal.abort(new Error("no more"));

    const work = telling({ signal }, async (_, both) => both.throwIfAborted());

    await expect(work).rejects.toThrow("no more");
  });
});
