import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { lock, tryOnce } from "../../../lib/store/lock.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

vi.mock("../../../lib/native/syscalls.ts", () => import("./fake-locks.ts"));

const newPath = async () => join(await temporaryFolder(), "locks", "images");

describe("locks", () => {
  it("are shared by many", async () => {
    const path = await newPath();

    using _one = await lock(path, { mode: "shared" });
    using _two = await lock(path, { mode: "shared" });

    expect(await tryOnce(path, "exclusive")).toBeUndefined();
  });

  it("are held by one alone when exclusive, until it lets go", async () => {
    const path = await newPath();
    const held = await lock(path, { mode: "exclusive" });
    const order: string[] = [];

    const waiting = lock(path, { mode: "exclusive" }).then((next) => {
      order.push("taken");
      return next;
    });
    await new Promise((resolve) => setImmediate(resolve));
    order.push("let go");
    held[Symbol.dispose]();
    using _next = await waiting;

    expect(order).toEqual(["let go", "taken"]);
  });

  it("may be let go of twice", async () => {
    const path = await newPath();
    const held = await lock(path, { mode: "exclusive" });

    held[Symbol.dispose]();
    await held[Symbol.asyncDispose]();

    using again = await tryOnce(path, "exclusive");
    expect(again).toBeDefined();
  });

  it("are waited for no longer than asked", async () => {
    const path = await newPath();
    using _held = await lock(path, { mode: "exclusive" });

    const waiting = lock(path, { mode: "shared", timeoutMs: 5 });

    await expect(waiting).rejects.toMatchObject({ code: "UNAVAILABLE", step: "lock" });
  });

  it.each([
    ["before", true],
    ["while", false],
  ])("stop being waited for when aborted %s", async (_, early) => {
    const path = await newPath();
    using _held = await lock(path, { mode: "exclusive" });
    const abort = new AbortController();
    if (early) abort.abort(new Error("enough"));

    const waiting = lock(path, { mode: "shared", signal: abort.signal });
    abort.abort(new Error("enough"));

    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });

  it("that many share all the time are had alone by whoever is fair about it, and in between", async () => {
    const path = await newPath();
    const stop = new AbortController();
    const rounds = { shared: 0, alone: 0 };
    const share = async () => {
      // The second is there before the first is gone.
      for (let held = await lock(path, { mode: "shared" }); ;) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        const next = stop.signal.aborted ? undefined : lock(path, { mode: "shared" });
        await new Promise((resolve) => setTimeout(resolve, 2));
        held[Symbol.dispose]();
        if (next === undefined) return;
        held = await next;
        rounds.shared++;
      }
    };
    const sharing = [share(), share(), share()];

    for (; rounds.alone < 3; rounds.alone++) {
      using _alone = await lock(path, { mode: "exclusive", fair: true, timeoutMs: 4_000 });
    }
    const { shared } = rounds;
    await vi.waitFor(() => expect(rounds.shared).toBeGreaterThan(shared), 4_000);
    stop.abort();
    await Promise.all(sharing);
  });

  it("keep newcomers waiting for a moment only while somebody holds on to them", async () => {
    const path = await newPath();
    using _long = await lock(path, { mode: "shared" });
    const abort = new AbortController();
    const waiting = lock(path, { mode: "exclusive", fair: true, signal: abort.signal });

    for (let round = 0; round < 3; round++) {
      using _short = await lock(path, { mode: "shared", timeoutMs: 4_000 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    using _open = await tryOnce(path, "shared");
    expect(await lock(path, { mode: "shared", timeoutMs: 0 })).toBeDefined();
  });
});
