/** docs/confinement.md says what the tests of confinement try: its tables are made of their rows. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DEFAULT_CAPABILITIES } from "../../lib/runtime/capabilities.ts";
import { DROPPED_CAPABILITIES, KEPT_CAPABILITIES } from "../helpers/confinement/capabilities.ts";
import { SECTIONS } from "../helpers/confinement/sections.ts";
import { type Answer, type Row, type Section, answers } from "../helpers/confinement/row.ts";

const DOCUMENT = fileURLToPath(new URL("../../docs/confinement.md", import.meta.url));

describe("docs/confinement.md", () => {
  // Written anew by: npx vitest run --project docs test/docs/confinement.test.ts --update
  it("has the rows of the tests, and no others", async () => {
    const text = readFileSync(DOCUMENT, "utf8");

    const expected = SECTIONS.reduce(withTable, text);

    await expect(expected).toMatchFileSnapshot(DOCUMENT);
  });

  it.each(SECTIONS)("has a place and a test file for $title", ({ title, file }) => {
    const text = readFileSync(DOCUMENT, "utf8");

    expect(text).toContain(begin(title));
    expect(existsSync(new URL(`../security/${file}`, import.meta.url))).toBe(true);
  });

  it("has each row once", () => {
    const names = SECTIONS.flatMap(({ rows }) => rows.map(({ name }) => name));

    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it("has a row for each capability, those that are kept being Docker's", () => {
    const named = (section: Section) =>
      section.rows.map(({ name }) => name.split(" ")[0] ?? "").sort(byCode);

    expect(named(KEPT_CAPABILITIES)).toEqual([...DEFAULT_CAPABILITIES].sort(byCode));
    expect(named(DROPPED_CAPABILITIES)).toHaveLength(41 - DEFAULT_CAPABILITIES.length);
  });

  it("says for each row how it was seen to fail, or why it cannot be", () => {
    const silent = SECTIONS.flatMap(({ rows }) => rows).filter(
      ({ otherwise, why }) => otherwise === undefined && why === undefined,
    );

    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

const begin = (title: string) => `<!-- ${title}: begin -->`;
const end = (title: string) => `<!-- ${title}: end -->`;

function withTable(text: string, section: Section): string {
  const [start, stop] = [text.indexOf(begin(section.title)), text.indexOf(end(section.title))];
  if (start < 0 || stop < start) return text;
  const before = text.slice(0, start + begin(section.title).length);
  return `${before}\n\n${table(section)}\n\n${text.slice(stop)}`;
}

function table({ file, rows }: Section): string {
  const tests = `Tried in [${file}](../test/security/${file}), a test by each name.`;
  const head = [
    "| Name | Keeps out | How | Tried | Answer | Taken away | Answer then |",
    "|---|---|---|---|---|---|---|",
  ];
  return [tests, "", ...head, ...rows.map(line)].join("\n");
}

function line(row: Row): string {
  const { name, keepsOut, by, tries, answer, beside, without, otherwise, why } = row;
  const taken = [beside, without].flatMap((one) => (one === undefined ? [] : [one.words]));
  const thens = [otherwise === undefined ? "the same" : listed(otherwise), why].filter(
    (one) => one,
  );
  const cells = [
    name,
    keepsOut,
    by,
    `\`${tries.map((word) => (word === "" ? '""' : word)).join(" ")}\``,
    listed(answer),
    taken.join("; ") || "–",
    without === undefined ? (why ?? "") : thens.join(": "),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function listed(answer: Answer): string {
  return answers(answer).join(" or ");
}

function byCode(one: string, other: string): number {
  return one < other ? -1 : 1;
}
