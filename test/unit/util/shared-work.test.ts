import { describe, expect, it } from "vitest";
import { SharedWork } from "../../../lib/util/shared-work.ts";

describe("SharedWork", () => {
  it("does once what several want at once", async () => {
    const shared = new SharedWork<number>();
    let count = 0;
    const work = async () => ++count;

    const results = await Promise.all([shared.do("a", work), shared.do("a", work)]);

    expect(results).toEqual([1, 1]);
  });

  it("does anew what is wanted later", async () => {
    const shared = new SharedWork<number>();
    let count = 0;
    const work = async () => ++count;

    await shared.do("a", work);

    expect(await shared.do("a", work)).toBe(2);
  });

  it("keeps apart what has other keys", async () => {
    const shared = new SharedWork<string>();

    const results = await Promise.all(["a", "b"].map((key) => shared.do(key, async () => key)));

    expect(results).toEqual(["a", "b"]);
  });

  it("fails for all who wait, and not for those after them", async () => {
    const shared = new SharedWork<number>();
    const fail = async () => {
      throw new Error("no");
    };

    const results = await Promise.allSettled([shared.do("a", fail), shared.do("a", fail)]);

    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await shared.do("a", async () => 1)).toBe(1);
  });

  it("goes on for others when one is aborted, and ends with the last of them", async () => {
    const shared = new SharedWork<never>();
    const aborts = [new AbortController(), new AbortController()];
    let ending: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      ending = signal;
      return new Promise<never>(() => undefined);
    };
    const [one, other] = aborts.map(({ signal }) => shared.do("a", work, signal));

    aborts[0]?.abort();
    await expect(one).rejects.toMatchObject({ name: "AbortError" });
    const isAbortedByOne = ending?.aborted;
    aborts[1]?.abort();
    await expect(other).rejects.toMatchObject({ name: "AbortError" });

    expect(isAbortedByOne).toBe(false);
    expect(ending?.aborted).toBe(true);
  });

  it("does nothing for whoever is aborted already", async () => {
    const shared = new SharedWork<never>();
    const work = () => Promise.reject(new Error("was called"));

    await expect(shared.do("a", work, AbortSignal.abort())).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
