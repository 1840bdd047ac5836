import { appendFileSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { LogReader } from "../../lib/engine/log-files.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";

const TIME = "2026-11-22T09:00:00.000000000Z";

function line(text: string, { stream = "stdout", tag = "F", time = TIME } = {}): string {
  return `${time} ${stream} ${tag} ${text}\n`;
}

describe("the files of a log", () => {
  expectNothingLeft();

  let directory: string;
  beforeEach(async () => {
    directory = await temporaryFolder();
  });

  const path = (number = 0) => join(directory, number === 0 ? "log" : `log.${number}`);
  const write = (...texts: readonly string[]) => {
    appendFileSync(path(), texts.map((text) => line(text)).join(""));
  };

  /** As a keeper does it; `stopAfter`: it is killed after so many steps. */
  function rotate({ keep = 5, stopAfter = Infinity } = {}): void {
    let steps = 0;
    for (let number = keep - 1; number > 0; number--) {
      if (!existsSync(path(number - 1))) continue;
      if (++steps > stopAfter) return;
      renameSync(path(number - 1), path(number));
    }
    if (++steps <= stopAfter) writeFileSync(path(), "");
  }

  async function readAll(reader: LogReader): Promise<string[]> {
    const texts = [];
    for (;;) {
      const lines = await reader.read();
      if (lines.length === 0) return texts;
      texts.push(...lines.map(({ bytes }) => bytes.toString()));
    }
  }

  async function tail(count: number, until?: string): Promise<string[]> {
    await using reader = await LogReader.open(directory);
    const lead = await reader.seekTail({ count, until });
    return [...lead.map(({ bytes }) => bytes.toString()), ...(await readAll(reader))];
  }

  it("are none before the first start, and read when they come", async () => {
    await using reader = await LogReader.open(directory);
    expect(await readAll(reader)).toEqual([]);

    write("one");

    expect(await readAll(reader)).toEqual(["one"]);
  });

  it("are read from the oldest on", async () => {
    for (const text of ["one", "two", "three"]) {
      write(text);
      rotate();
    }
    write("four");
    await using reader = await LogReader.open(directory);

    expect(await readAll(reader)).toEqual(["one", "two", "three", "four"]);
    expect(await readAll(reader)).toEqual([]);
  });

  it("are followed over every rotation, whenever it comes", async () => {
    await using reader = await LogReader.open(directory);
    const read: string[] = [];
    const expected: string[] = [];
    let next = 0;
    const more = () => {
      write(String(next));
      expected.push(String(next++));
    };

    for (const step of ["", "r", "rr", "", "rrr", "r", "", "rrrr"]) {
      more();
      if (step === "") read.push(...(await readAll(reader)));
      for (const _ of step) {
        rotate();
        more();
      }
    }
    read.push(...(await readAll(reader)));

    expect(read).toEqual(expected);
  });

  it("are followed through a rotation that is under way, or was never finished", async () => {
    write("one");
    rotate();
    write("two");
    rotate();
    write("three");
    await using reader = await LogReader.open(directory);
    expect(await readAll(reader)).toEqual(["one", "two", "three"]);

    write("four");
    rotate({ stopAfter: 3 }); // there is no `log` now
    expect(await readAll(reader)).toEqual(["four"]);
    await using beside = await LogReader.open(directory);
    expect(await readAll(beside)).toEqual(["one", "two", "three", "four"]);

    write("five");
    rotate({ stopAfter: 2 }); // and no log.2
    expect(await readAll(reader)).toEqual(["five"]);
    write("six");

    expect(await readAll(reader)).toEqual(["six"]);
    expect(await readAll(beside)).toEqual(["five", "six"]);
  });

  it("go on with the oldest there is when a reader was too slow for them", async () => {
    write("one");
    await using reader = await LogReader.open(directory);
    expect(await readAll(reader)).toEqual(["one"]);

    for (const text of ["two", "three", "four", "five"]) {
      rotate({ keep: 3 });
      write(text);
    }

    expect(await readAll(reader)).toEqual(["three", "four", "five"]);
  });

  it("end with what is left of a line whose writer was killed", async () => {
    write("one");
    appendFileSync(path(), line("two").slice(0, -2));
    await using reader = await LogReader.open(directory);

    expect(await readAll(reader)).toEqual(["one"]);
    expect(reader.end()).toMatchObject([{ isWhole: false, bytes: Buffer.from("tw") }]);
  });

  it("can go while they are read", async () => {
    write("one");
    await using reader = await LogReader.open(directory);

    rmSync(directory, { recursive: true });

    expect(await readAll(reader)).toEqual(["one"]);
    expect(await readAll(reader)).toEqual([]);
  });

  describe("from the end", () => {
    it.each([0, 1, 2, 3, 5, 7, 8, 100])(
      "have as many lines as are asked for: %i",
      async (count) => {
        const all = ["a", "b", "c", "d", "e", "f", "g"];
        for (const [index, text] of all.entries()) {
          write(text);
          if (index % 3 === 2) rotate();
        }

        expect(await tail(count)).toEqual(count === 0 ? [] : all.slice(-count));
      },
    );

    it("have lines longer than what is read at once", async () => {
      const long = ["x".repeat(70_000), "y".repeat(200_000), "", "z".repeat(65_536)];
      write(...long);

      for (let count = 1; count <= 4; count++) {
        expect(await tail(count)).toEqual(long.slice(-count));
      }
    });

    it("go on with what comes", async () => {
      write("one", "two");
      appendFileSync(path(), line("three").slice(0, 20));
      await using reader = await LogReader.open(directory);
      await reader.seekTail({ count: 0 });
      expect(await readAll(reader)).toEqual([]);

      appendFileSync(path(), line("three").slice(20));
      rotate();
      write("four");

      expect(await readAll(reader)).toEqual(["three", "four"]);
    });

    it("count a line in parts as one", async () => {
      const parts = [
        line("zero"),
        line("a1 ", { tag: "P" }),
        line("a2 ", { tag: "P" }),
        line("a3"),
        line("b1 ", { tag: "P" }),
        line("b2"),
      ];
      writeFileSync(path(), parts.join(""));

      expect(await tail(1)).toEqual(["b1 ", "b2"]);
      expect(await tail(2)).toEqual(["a1 ", "a2 ", "a3", "b1 ", "b2"]);
    });

    it("count one whose end is not there yet", async () => {
      writeFileSync(path(), line("one") + line("prompt> ", { tag: "P" }));

      expect(await tail(1)).toEqual(["prompt> "]);
      expect(await tail(2)).toEqual(["one", "prompt> "]);
    });

    it("have the beginning of a line, though another stream's are between", async () => {
      const stream = "stderr";
      const parts = [
        line("zero"),
        line("o1 ", { tag: "P" }),
        line("e1 ", { tag: "P", stream }),
        line("e2", { stream }),
        line("e3", { stream }),
        line("o2"),
      ];
      writeFileSync(path(), parts.join(""));

      expect(await tail(1)).toEqual(["o1 ", "o2"]);
      expect(await tail(2)).toEqual(["o1 ", "e3", "o2"]);
      expect(await tail(3)).toEqual(["o1 ", "e1 ", "e2", "e3", "o2"]);
    });

    it("do not count what came later", async () => {
      const at = (second: number) => `2026-11-22T09:00:0${second}.000000000Z`;
      for (let second = 0; second < 6; second++) {
        appendFileSync(path(), line(String(second), { time: at(second) }));
      }
      await using reader = await LogReader.open(directory);
      await reader.seekTail({ count: 2, until: at(3) });

      expect(await readAll(reader)).toEqual(["2", "3", "4", "5"]);
    });
  });
});
