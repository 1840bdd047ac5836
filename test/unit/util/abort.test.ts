import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { onAbort } from "../../../lib/util/abort.ts";

describe("what waits for an abort", () => {
  it("is called once, all of it, in the order it came", () => {
    const controller = new AbortController();
    const calls: number[] = [];
    for (const number of [1, 2, 3]) onAbort(controller.signal, () => calls.push(number));

    controller.abort();
    controller.abort();

    expect(calls).toEqual([1, 2, 3]);
  });

  it("shares one listener, which goes with the last", () => {
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, "abort").length;

    const first = onAbort(signal, () => undefined);
    const second = onAbort(signal, () => undefined);
    expect(listeners()).toBe(1);
    first();
    first();
    expect(listeners()).toBe(1);
    second();
    expect(listeners()).toBe(0);
  });

  it("is not called when it no longer waits, though others do, nor hides from those that come later", () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const gone = onAbort(controller.signal, () => calls.push("gone"));
    onAbort(controller.signal, () => calls.push("stays"));
    gone();
    const alone = onAbort(new AbortController().signal, () => calls.push("another signal"));
    alone();
    onAbort(controller.signal, () => calls.push("came later"));

    controller.abort();

    expect(calls).toEqual(["stays", "came later"]);
  });
});
