import { describe, expect, it } from "vitest";
import type { TransferProgress } from "../../../lib/images/progress.ts";
import { telling } from "../../../lib/images/telling.ts";

const DONE = { reference: "docker.io/library/busybox:latest", phase: "done" } as const;

describe("progress told to a callback", () => {
  it("comes as it is told, and the work's result with it", async () => {
    const told: TransferProgress[] = [];
    const onProgress = (progress: TransferProgress) => void told.push(progress);

    const result = await telling({ onProgress }, async (tell) => {
      tell(DONE);
      return 7;
    });

    expect(result).toBe(7);
    expect(told).toEqual([DONE]);
  });

  it("aborts the work when the callback throws, and fails with that", async () => {
    let calls = 0;
    const onProgress = () => {
      calls++;
      throw new Error("the screen is full");
    };

    const work = telling({ onProgress }, async (tell, signal) => {
      tell(DONE);
      tell(DONE);
      expect(signal.aborted).toBe(true);
      throw new Error("aborted");
    });

    await expect(work).rejects.toThrow("the screen is full");
    expect(calls).toBe(1);
  });

  it("fails with it also where the work ends all the same", async () => {
    const onProgress = () => {
      throw new Error("the screen is full");
    };

    await expect(telling({ onProgress }, async (tell) => tell(DONE))).rejects.toThrow("screen");
  });

  it("passes the caller's abort on", async () => {
    const abort = new AbortController();

    await telling({ signal: abort.signal }, async (_, signal) => {
      abort.abort();
      expect(signal.aborted).toBe(true);
    });
  });
});
