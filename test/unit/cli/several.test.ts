import { afterEach, describe, expect, it, vi } from "vitest";
import { forAllNamed } from "../../../lib/cli/several.ts";
import { MarmitaError } from "../../../lib/errors.ts";

const written = vi.hoisted(() => ({ lines: [] as string[] }));
vi.mock("../../../lib/cli/output.ts", () => ({
  print: (text: string) => written.lines.push(text.trimEnd()),
  printError: (text: string) => written.lines.push(`! ${text.trimEnd()}`),
}));

afterEach(() => {
  written.lines = [];
});

describe("the same work on several objects at once", () => {
  it("is told in the order in which they were named", async () => {
    const ends = new Map<string, () => void>();
    const work = (name: string) => {
      return new Promise<string>((resolve) => ends.set(name, () => resolve(`${name}!`)));
    };

    const done = forAllNamed(["a", "b", "c"], work);
    await new Promise(setImmediate);
    expect([...ends.keys()]).toEqual(["a", "b", "c"]);
    ends.get("c")?.();
    ends.get("b")?.();
    await new Promise(setImmediate);
    expect(written.lines).toEqual([]);
    ends.get("a")?.();

    expect(await done).toBe(0);
    expect(written.lines).toEqual(["a!", "b!", "c!"]);
  });

  it("fails when one fails, and does the rest", async () => {
    const done = forAllNamed(["a", "b", "c"], async (name) => {
      if (name !== "c") throw new MarmitaError("NOT_FOUND", `no ${name}`);
      return name;
    });

    expect(await done).toBe(1);
    expect(written.lines).toEqual(["! marmita: no a", "! marmita: no b", "c"]);
  });

  it("is fine when what is missing may be", async () => {
    const work = async () => {
      throw new MarmitaError("NOT_FOUND", "none");
    };

    expect(await forAllNamed(["a"], work, { allowMissing: true })).toBe(0);
  });

  it("has fifty in hand at once, and no more", async () => {
    let [running, most] = [0, 0];
    const names = Array.from({ length: 120 }, (_, at) => String(at));

    await forAllNamed(names, async (name) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return name;
    });

    expect(most).toBe(50);
    expect(written.lines).toEqual(names);
  });

  it("ends with what nobody expected, when it comes", async () => {
    const work = async (name: string) => {
      if (name === "b") throw new TypeError("a mistake");
      return name;
    };

    await expect(forAllNamed(["a", "b", "c"], work)).rejects.toThrow("a mistake");
  });
});
