import { describe, expect, it } from "vitest";
import { Places } from "../../../lib/util/places.ts";

const never = new AbortController().signal;

describe("Places", () => {
  it("are taken until there are none", () => {
    const places = new Places(2);
    const first = places.tryTake();
    expect(places.tryTake()).toBeDefined();
    expect(places.tryTake()).toBeUndefined();

    first?.[Symbol.dispose]();
    first?.[Symbol.dispose]();

    expect(places.tryTake()).toBeDefined();
    expect(places.tryTake()).toBeUndefined();
  });

  it("go to those who wait, in their order", async () => {
    const places = new Places(1);
    const first = await places.take(never);
    const order: string[] = [];
    const come = async (name: string) => {
      using _place = await places.take(never);
      order.push(name);
    };
    const others = [come("second"), come("third")];
    expect(places.tryTake()).toBeUndefined();

    first[Symbol.dispose]();
    await Promise.all(others);

    expect(order).toEqual(["second", "third"]);
    expect(places.tryTake()).toBeDefined();
  });

  it("are not kept for those who no longer wait", async () => {
    const places = new Places(1);
    const first = await places.take(never);
    const abort = new AbortController();
    const waiting = places.take(abort.signal);
    abort.abort();

    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    first[Symbol.dispose]();

    expect(places.tryTake()).toBeDefined();
  });

  it("are nobody's who comes too late", async () => {
    await expect(new Places(1).take(AbortSignal.abort())).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
