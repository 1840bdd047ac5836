/** What `docker inspect -f` prints of some three hundred templates, and what ours makes of them. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isMarmitaError } from "../../../../lib/errors.ts";
import { InspectFormat } from "../../../../lib/cli/inspect-format.ts";
import { isJsonObject, parseJson } from "../../../../lib/util/json.ts";

const FIXTURES = new URL("../../../../fixtures/templates/", import.meta.url);

/** Where we differ on purpose, and what we print. */
const OURS: Readonly<Record<string, string>> = {
  // Docker's types have fields that JSON leaves out; they are printed in a row without names.
  "{{.State}}":
    "{exited false false false false false 0 3  2024-01-01T00:00:00Z 2024-01-01T00:00:00Z}\n",
  "{{.Mounts}}": "[{bind /s /d  true rprivate}]\n",
  '{{index .NetworkSettings.Ports "80/tcp" 0}}': "{0.0.0.0 8080}\n",
  "{{with .State.Health}}x{{else}}y{{end}}{{.Config.Healthcheck}}": "y<no value>\n",
  // Docker goes on with JSON it knows nothing of, and no longer finds `.CPUShares`.
  "{{.HostConfig.CPUShares}} {{.HostConfig.CpuShares}}": "5 5\n",
  // The same fault, told of another place or with another type.
  "{{join .Args 5}}": fault('1:13: executing "" at <5>: expected string; found 5'),
  "{{len nil}}": fault('1:2: executing "" at <len nil>: error calling len: len of nil pointer'),
  '{{(index .NetworkSettings.Ports "81/tcp").HostPort}}': fault(
    '1:41: executing "" at <(index .NetworkSettings.Ports "81/tcp").HostPort>: nil pointer evaluating interface {}.HostPort',
  ),
  "{{eq .Args .Args}}": fault(
    '1:2: executing "" at <eq .Args .Args>: error calling eq: non-comparable type [-c x]: []string',
  ),
  "{{call .Name}}": fault(
    '1:2: executing "" at <call .Name>: error calling call: non-function of type string',
  ),
  "{{.Config.Labels.q.y}}": fault(
    '1:9: executing "" at <.Config.Labels.q.y>: map has no entry for key "q"',
  ),
  '{{(split "a:b" ":").Foo}}': fault(
    `1:19: executing "" at <(split "a:b" ":").Foo>: can't evaluate field Foo in type interface {}`,
  ),
  "{{upper .Args}}": fault(
    '1:8: executing "" at <.Args>: wrong type for value; expected string; got []string',
  ),
  "{{.A\n.B}}": fault('1:2: executing "" at <.A>: map has no entry for key "A"'),
};

/** These print all of an object, of which Docker's types have more. */
const WHOLE = new Set(["{{json .}}"]);

describe("a template of `inspect --format`", () => {
  const data: unknown = parseJson(readFileSync(new URL("data.json", FIXTURES)), "data.json");

  it.each(recorded())("prints what Docker prints: %j", ({ template, printed }) => {
    if (!isJsonObject(data)) throw new Error("data.json is no object");

    expect(print(template, data)).toBe(OURS[template] ?? printed);
  });
});

function recorded(): { template: string; printed: string }[] {
  const json = parseJson(readFileSync(new URL("recorded.json", FIXTURES)), "recorded.json");
  const cases = isJsonObject(json) ? json["cases"] : undefined;
  if (!Array.isArray(cases)) throw new Error("no cases");
  return cases.flatMap((one: unknown) => {
    if (!isJsonObject(one)) throw new Error("no case");
    const template = String(one["template"]);
    const printed = String(one["stdout"] ?? one["stderr"]);
    return WHOLE.has(template) ? [] : [{ template, printed }];
  });
}

/** What goes to stdout, or to stderr. */
function print(template: string, data: object): string {
  try {
    return new InspectFormat(template).format(data);
  } catch (error) {
    if (isMarmitaError(error, "INVALID_ARGUMENT")) return `${error.message}\n`;
    throw error;
  }
}

function fault(rest: string): string {
  return `template parsing error: template: :${rest}\n`;
}
