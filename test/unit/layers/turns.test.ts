import { describe, expect, it } from "vitest";
import { Turns } from "../../../lib/layers/turns.ts";

const never = new AbortController().signal;

/** Asks for turns in that order, and tells who has one. */
function ask(turns: Turns, numbers: readonly number[], signal = never) {
  const taken = new Map<number, Disposable>();
  const asked = numbers.map(async (at) => {
    taken.set(at, await turns.take(at, signal));
  });
  return { taken, asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("Turns", () => {
  it("lets so many work at once, and the lowest of those that wait next", async () => {
    const { taken } = ask(new Turns(2, 5), [0, 1, 3, 2]);
    await settled();
    expect([...taken.keys()]).toEqual([0, 1]);

    taken.get(1)?.[Symbol.dispose]();
    await settled();

    expect([...taken.keys()]).toEqual([0, 1, 2]);
  });

  it("always has one for the lowest that is not done: others may wait for it", async () => {
    const { taken } = ask(new Turns(2, 5), [3, 4, 1, 0]);
    await settled();
    expect([...taken.keys()]).toEqual([3, 4, 0]);

    taken.get(0)?.[Symbol.dispose]();
    await settled();

    expect([...taken.keys()]).toEqual([3, 4, 0, 1]);
  });

  it("gives none to who is aborted while he waits", async () => {
    const turns = new Turns(1, 3);
    const { taken } = ask(turns, [0]);
    const abort = new AbortController();
    const { asked } = ask(turns, [1], abort.signal);
    await settled();

    abort.abort();

    await expect(asked[0]).rejects.toMatchObject({ name: "AbortError" });
    const { taken: next } = ask(turns, [2]);
    taken.get(0)?.[Symbol.dispose]();
    await settled();
    expect([...next.keys()]).toEqual([2]);
  });
});
