import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { checkLoginOptions, checkRegistry } from "../../../lib/engine/login.ts";

describe("checkRegistry", () => {
  it.each([
    { text: "docker.io", domain: "docker.io" },
    { text: "index.docker.io", domain: "docker.io" },
    { text: "https://index.docker.io/v1/", domain: "docker.io" },
    { text: "registry-1.docker.io", domain: "docker.io" },
    { text: "quay.io", domain: "quay.io" },
    { text: "quay.io/", domain: "quay.io" },
    { text: "https://quay.io", domain: "quay.io" },
    { text: "http://localhost:5000/v2/", domain: "localhost:5000" },
    { text: "https://registry.example.com/some/page", domain: "registry.example.com" },
    { text: "[::1]:5000", domain: "[::1]:5000" },
    { text: "registry", domain: "registry" },
  ])("takes $text for $domain", ({ text, domain }) => {
    expect(checkRegistry(text)).toBe(domain);
  });

  it.each([
    "",
    "quay.io/ann",
    "a b",
    "-",
    "ftp://a.io",
    "a.io:port",
    "https://",
    "a.io\0",
    "a.io?x",
  ])("refuses %j", (text) => {
    expect(() => checkRegistry(text)).toThrow(/registry/);
  });

  it("does not repeat the password of a URL", () => {
    expect(() => checkRegistry("https://ann:s3cret@a.io")).toThrow(/^this is not the name/);
  });
});

describe("checkLoginOptions", () => {
  it.each([
    {},
    { username: "ann", password: "b" },
    { authFile: "/a", tlsVerify: false },
    { username: "ann", password: " with: anything\n" },
  ])("takes %j", (options) => {
    expect(() => checkLoginOptions(options)).not.toThrow();
  });

  it.each([
    { name: "a name alone", options: { username: "ann" } },
    { name: "a password alone", options: { password: "s3cret" } },
    { name: "a name with a colon", options: { username: "s3cret:x", password: "s3cret" } },
    { name: "an empty password", options: { username: "ann", password: "" } },
    { name: "a list", options: { username: "ann", password: ["s3cret"] } },
    { name: "a wrong option", options: { username: "ann", password: "s3cret", autFile: "x" } },
  ])("refuses $name without repeating a secret", ({ options }) => {
    let failure: unknown;
    try {
      checkLoginOptions(options as object);
    } catch (error) {
      failure = error;
    }

    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(inspect(failure, { depth: 9 })).not.toContain("s3cret");
  });
});
