import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { inParallel } from "../../../lib/util/in-parallel.ts";

describe("inParallel", () => {
  it("does all of it, in order, and never more at once than it may", async () => {
    const begun: number[] = [];
    let now = 0;
    let most = 0;

    await inParallel([1, 2, 3, 4, 5], { atOnce: 2 }, async (item) => {
      begun.push(item);
      most = Math.max(most, ++now);
      await turn();
      now--;
    });

    expect(begun).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it("has nothing to do with nothing", async () => {
    const work = inParallel([], { atOnce: 3 }, async () => {
      throw new Error("called");
    });

    await expect(work).resolves.toBeUndefined();
  });

  it("fails with the first failure, when what it aborted has ended", async () => {
    const ended: number[] = [];

    const work = inParallel([1, 2, 3], { atOnce: 2 }, async (item, signal) => {
      if (item === 2) throw new Error("second");
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      await turn();
      ended.push(item);
      throw new Error("first, but later");
    });

    await expect(work).rejects.toThrow("second");
    expect(ended).toEqual([1]);
  });

  it("begins nothing for a signal that was aborted, and nothing more for one that is", async () => {
    const abort = new AbortController();
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      abort.abort();
    };
    const options = { atOnce: 1, signal: abort.signal };

    await expect(inParallel([1, 2], options, work)).rejects.toMatchObject({ name: "AbortError" });
    await expect(inParallel([3], options, work)).rejects.toMatchObject({ name: "AbortError" });

    expect(begun).toEqual([1]);
  });
});
