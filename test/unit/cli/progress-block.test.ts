import { beforeEach, describe, expect, it } from "vitest";
import { ProgressBlock } from "../../../lib/cli/progress-block.ts";
import { Screen } from "../../helpers/screen.ts";

let screen: Screen;
let block: ProgressBlock;

beforeEach(() => {
  screen = new Screen(20, 6);
  screen.write("$ pull\r\n");
  block = new ProgressBlock(screen);
});

/** `a` goes on, `A` is final. */
const lines = (...texts: string[]) => {
  return texts.map((text) => {
    const key = text[0]?.toLowerCase() ?? "";
    return { key, text, isFinal: text.startsWith(key.toUpperCase()) };
  });
};

describe("a block of lines", () => {
  it("is drawn over in its place", () => {
    block.draw(lines("a 1", "b 1 and more"));
    block.draw(lines("a 2", "b 2", "c 1"));
    block.leave(lines("A", "B", "C"));

    expect(screen.lines).toEqual(["$ pull", "A", "B", "C"]);
  });

  it("clears what was typed below it", () => {
    block.draw(lines("a 1"));
    screen.write("^C");
    block.leave(lines("a 2"));
    screen.write("$ ");

    expect(screen.lines).toEqual(["$ pull", "a 2", "$"]);
  });

  it("keeps within the window's width, one column a sign", () => {
    block.draw(lines(`a ${"x".repeat(50)}`, "b \u{1f371}\x1b[31m"));
    block.leave(lines(`a ${"y".repeat(50)}`, "b \u{1f371}\x1b[31m"));

    expect(screen.lines).toEqual(["$ pull", `a ${"y".repeat(17)}`, "b ??[31m"]);
  });

  it("says how many more there are than the window has lines", () => {
    block.draw(lines("a", "b", "c", "d", "e", "f"));
    expect(screen.lines).toEqual(["$ pull", "a", "b", "c", "... and 3 more"]);

    block.leave(lines("a", "b", "c", "d", "e", "f"));
    expect(screen.lines).toEqual(["$ pull", "a", "b", "c", "d", "e", "f"]);
  });

  it("lets final ones go up when the window has too few lines", () => {
    block.draw(lines("a", "B", "c", "d", "e", "f"));
    expect(screen.lines).toEqual(["$ pull", "B", "a", "c", "d", "... and 2 more"]);

    block.draw(lines("a", "B", "c", "D", "e", "f"));
    expect(screen.lines).toEqual(["$ pull", "B", "D", "a", "c", "e", "f"]);

    block.leave(lines("A", "B", "C", "D", "E", "F"));
    expect(screen.lines).toEqual(["$ pull", "B", "D", "A", "C", "E", "F"]);
  });

  it("stands in its place when the window has become narrower", () => {
    block.draw(lines("a 123456789", "b"));
    screen.narrow(8);
    block.draw(lines("a 987654321", "b 2"));

    expect(screen.lines).toEqual(["$ pull", "a 98765", "b 2"]);
  });

  it("goes on below what others have written", () => {
    block.draw(lines("a 1"));
    screen.write("[1]+  Stopped\r\n$ fg\r\n");
    block.forget();
    block.draw(lines("a 2"));

    expect(screen.lines).toEqual(["$ pull", "a 1", "[1]+  Stopped", "$ fg", "a 2"]);
  });

  it("begins anew after it was left", () => {
    block.draw(lines("a 1"));
    block.leave(lines("A"));
    block.draw(lines("a 2"));

    expect(screen.lines).toEqual(["$ pull", "A", "a 2"]);
  });
});
