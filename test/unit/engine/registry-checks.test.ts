import { describe, expect, it } from "vitest";
import { callback, credentials } from "../../../lib/engine/registry-checks.ts";

describe("credentials given as an option", () => {
  it.each([
    ["a name and a password", { username: "ana", password: "" }],
    ["a token of a login", { identityToken: "abc" }],
    ["a token for the registry", { registryToken: "abc" }],
  ])("may be %s", (_, value) => {
    expect(() => credentials(value, "auth")).not.toThrow();
  });

  it.each([
    ["a text", "ana:alho"],
    ["nothing", null],
    ["a name alone", { username: "ana" }],
    ["a password that is no text", { username: "ana", password: 12_345 }],
    ["both", { username: "ana", password: "alho", identityToken: "abc" }],
    ["a list", ["ana", "alho"]],
  ])("may not be %s, of which nothing is quoted", (_, value) => {
    let message = "";
    try {
      credentials(value, "auth");
    } catch (error) {
      message = String(error);
    }

    expect(message).toContain('expected "auth" to be { username, password } or');
    expect(message).not.toMatch(/ana|alho|12345|abc/);
  });
});

describe("a callback", () => {
  it("is a function", () => {
    expect(() => callback(() => undefined, "onProgress")).not.toThrow();
    expect(() => callback(1, "onProgress")).toThrow(
      'expected "onProgress" to be a function, got 1',
    );
  });
});
