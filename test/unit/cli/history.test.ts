import { describe, expect, it } from "vitest";
import { formatHistory, history } from "../../../lib/cli/history.ts";
import { parseFlags } from "../../../lib/cli/flags.ts";
import type { ImageHistoryEntry } from "../../../lib/images/history.ts";

const NOW = new Date("2024-01-01T12:00:00Z");
const STEP: ImageHistoryEntry = {
  id: undefined,
  names: [],
  created: undefined,
  createdBy: "",
  author: undefined,
  comment: "",
  size: 0,
  layer: undefined,
};
const STEPS: readonly ImageHistoryEntry[] = [
  {
    ...STEP,
    id: `sha256:${"ab".repeat(32)}`,
    created: "2024-01-01T11:59:09Z",
    createdBy: 'CMD ["sh"]',
    comment: "buildkit",
  },
  {
    ...STEP,
    created: "2024-01-01T10:36:40.5Z",
    createdBy: `/bin/sh -c #(nop) ADD file:${"a".repeat(32)} in / `,
    size: 4_270_000,
  },
  { ...STEP, created: "1970-01-01T00:00:00Z", createdBy: "tab\there\nline", size: 12 },
];

function printed(...args: readonly string[]): string {
  return formatHistory(STEPS, parseFlags(history, args), NOW);
}

describe("history", () => {
  it("is a table of Docker's", () => {
    expect(printed()).toBe(
      [
        "IMAGE          CREATED             CREATED BY                                      SIZE      COMMENT",
        'abababababab   51 seconds ago      CMD ["sh"]                                      0B        buildkit',
        "<missing>      About an hour ago   /bin/sh -c #(nop) ADD file:aaaaaaaaaaaaaaaaa…   4.27MB    ",
        "<missing>      N/A                 tab here line                                   12B       ",
        "",
      ].join("\n"),
    );
  });

  it("tells times and bytes exactly with --human=false", () => {
    expect(printed("-H=false").split("\n").slice(0, 3)).toEqual([
      "IMAGE          CREATED AT             CREATED BY                                      SIZE      COMMENT",
      'abababababab   2024-01-01T11:59:09Z   CMD ["sh"]                                      0         buildkit',
      "<missing>      2024-01-01T10:36:40Z   /bin/sh -c #(nop) ADD file:aaaaaaaaaaaaaaaaa…   4270000   ",
    ]);
  });

  it.each([
    ["ids alone", ["-q"], /^abababababab\n<missing>\n<missing>\n$/],
    [
      "whole commands",
      ["--no-trunc", "--format", "{{.CreatedBy}}|"],
      /a{32} in \/ \|\ntab here\nline\|\n$/,
    ],
    [
      "a template",
      ["--format", "{{.ID}} {{.Size}}"],
      /^abababababab 0B\n<missing> 4.27MB\n<missing> 12B\n$/,
    ],
  ])("is shown as %s", (_, args, expected) => {
    expect(printed(...args)).toMatch(expected);
  });
});
