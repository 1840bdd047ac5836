/** Templates that would take all memory, all time or the whole stack. */
import { describe, expect, it } from "vitest";
import { Template } from "../../../../lib/cli/template/template.ts";

function nested(open: string, inner: string, close: string, count: number): string {
  return open.repeat(count) + inner + close.repeat(count);
}

describe("a template", () => {
  it.each([
    ["parentheses", `{{${nested("(", "1", ")", 20_000)}}}`, "nested more than 200 deep"],
    ["arguments", `{{${nested("(print ", "1", ")", 20_000)}}}`, "nested more than 200 deep"],
    ["blocks", nested("{{if 1}}", "", "{{end}}", 20_000), "nested more than 200 deep"],
    ["else", `${"{{if 0}}{{else if 1}}".repeat(20_000)}`, "nested more than 200 deep"],
    [
      "blocks of templates",
      `{{define "a"}}${nested("{{if 1}}", '{{template "a"}}', "{{end}}", 100)}{{end}}{{template "a"}}`,
      "exceeded maximum template depth (500)",
    ],
    ["turns", "{{range 100000000000}}{{end}}", "more than 1000000 turns"],
    [
      "output",
      '{{$x := "aaaaaaaaaaaaaaaa"}}{{range 20}}{{$x = print $x $x}}{{end}}{{range 9}}{{$x}}{{end}}',
      "at <$x>: the text becomes too long",
    ],
    ["width", '{{printf "%999999999999d" 1}}', "error calling printf: the text becomes too long"],
    ["digits", '{{printf "%.999999999999d" 1}}', "error calling printf: the text becomes too long"],
    ["blanks", '{{pad "x" 10000000000 0}}', "strings: Repeat output length overflow"],
    [
      "text in variables",
      '{{$x := "aaaaaaaaaaaaaaaa"}}{{range 40}}{{$x = print $x $x}}{{end}}',
      "error calling print: the text becomes too long",
    ],
  ])("of endless %s is refused", (_, source, message) => {
    const execute = () => new Template(source).execute({});

    expect(execute).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  it("may leave a long loop at once", () => {
    const text = new Template("{{range 1000000000}}{{.}}{{break}}{{end}}").execute({});

    expect(text).toBe("0");
  });

  it("nests as deep as it may without running out of stack", () => {
    const arguments_ = nested("(print ", "1", ")", 190);
    const blocks = nested("{{if 1}}", `{{${arguments_}}}`, "{{end}}", 190);

    expect(() => new Template(blocks).execute({})).toThrow("nested more than 200 deep");
    expect(new Template(`{{${arguments_}}}`).execute({})).toBe("1");
    expect(new Template(nested("{{if 1}}", "1", "{{end}}", 190)).execute({})).toBe("1");
  });

  it.each(["f", "e", "g"])("writes as many digits as there are with %%.200%s", (verb) => {
    expect(Number(new Template(`{{printf "%.200${verb}" 1.5}}`).execute({}))).toBe(1.5);
  });
});
