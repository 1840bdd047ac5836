import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../../lib/registry/challenge.ts";

function read(header: string) {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

describe("parseChallenges", () => {
  it.each([
    {
      name: "Docker Hub's",
      header: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
      found: [["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io" }]],
    },
    {
      name: "one with a scope that has commas",
      header: 'Bearer realm="https://a/t",scope="repository:a/b:pull,push",error="invalid_token"',
      found: [
        [
          "bearer",
          { realm: "https://a/t", scope: "repository:a/b:pull,push", error: "invalid_token" },
        ],
      ],
    },
    { name: "names in capitals", header: 'BASIC Realm="x"', found: [["basic", { realm: "x" }]] },
    { name: "one without parameters", header: "Basic", found: [["basic", {}]] },
    {
      name: "values without quotes, and blanks",
      header: "Bearer  realm = https, service\t=\tx",
      found: [["bearer", { realm: "https", service: "x" }]],
    },
    {
      name: "several in one header",
      header: 'Negotiate abc==, Basic realm="a, b", Bearer realm="c",service="d"',
      found: [
        ["negotiate", {}],
        ["basic", { realm: "a, b" }],
        ["bearer", { realm: "c", service: "d" }],
      ],
    },
    {
      name: "schemes alone",
      header: "Negotiate, NTLM , Basic realm=x",
      found: [
        ["negotiate", {}],
        ["ntlm", {}],
        ["basic", { realm: "x" }],
      ],
    },
    {
      name: "escapes",
      header: String.raw`Basic realm="say \"a\\b\""`,
      found: [["basic", { realm: String.raw`say "a\b"` }]],
    },
    {
      name: "the first of two values",
      header: 'Bearer realm="a",realm="b"',
      found: [["bearer", { realm: "a" }]],
    },
    {
      name: "nothing after what is malformed",
      header: 'Basic realm="a", Bearer realm="b',
      found: [
        ["basic", { realm: "a" }],
        ["bearer", {}],
      ],
    },
    { name: "nothing in nonsense", header: '"=,=",,;', found: [] },
    { name: "nothing in no text", header: "", found: [] },
  ])("reads $name", ({ header, found }) => {
    const challenges = read(header);

    expect(challenges).toEqual(found);
  });

  it("has none without a header", () => {
    expect(parseChallenges(undefined)).toEqual([]);
  });

  it.each([
    { name: "a header longer than any", header: `Bearer realm="${"a".repeat(20_000)}"` },
    { name: "quotes without an end", header: `Bearer realm="${"\\".repeat(15_001)}` },
    { name: "commas only", header: ",".repeat(16_000) },
    { name: "a thousand schemes", header: "a, ".repeat(5_000) },
    { name: "one scheme of many letters", header: "a".repeat(16_000) },
  ])("reads $name at once", ({ header }) => {
    const begun = performance.now();

    const challenges = parseChallenges(header);

    expect(challenges.length).toBeLessThanOrEqual(16);
    expect(performance.now() - begun).toBeLessThan(50);
  });
});
