import { describe, expect, it } from "vitest";
import { withoutSecrets } from "../../../lib/registry/secrets.ts";
import { shownUrl, withShownUrls } from "../../../lib/registry/shown-url.ts";
import { responseError, statusError } from "../../../lib/registry/wire-error.ts";
import type { WireRequest, WireResponse } from "../../../lib/registry/wire-message.ts";
import { endpointAt } from "../../helpers/wire.ts";

const where = { registry: "registry.example", repository: "a/b", reference: "latest" };
const doing = "manifest latest of registry.example/a/b";
const endpoint = endpointAt("https://registry.example/");

function answered(status: number, body: string, request: Partial<WireRequest> = {}): WireResponse {
  const url = new URL("https://cdn.example/x?sig=abcdef");
  const asked: WireRequest = { method: "GET", url: endpoint.base, endpoint, ...request };
  return {
    status,
    headers: {},
    url,
    read: async () => Buffer.from(body),
    discard: () => {},
    redact: (text: string) => withoutSecrets(text, asked, url),
  } as unknown as WireResponse;
}

const errors = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });

describe("statusError", () => {
  it.each([
    [401, "UNAUTHORIZED"],
    [403, "DENIED"],
    [404, "NOT_FOUND"],
    [408, "UNAVAILABLE"],
    [429, "RATE_LIMITED"],
    [500, "UNAVAILABLE"],
    [503, "UNAVAILABLE"],
    [400, "CORRUPT"],
    [302, "CORRUPT"],
    [204, "CORRUPT"],
  ])("tells %d as %s", (status, code) => {
    const error = statusError({ status, headers: {} }, doing, where);

    expect(error).toMatchObject({ code, details: { ...where, status } });
    expect(error.message).toMatch(/^manifest latest of registry\.example\/a\/b: /);
  });

  it("says how to log in, and where", () => {
    const of = (registry: string) => statusError({ status: 401, headers: {} }, doing, { registry });

    expect(of("registry.example").hint).toMatch(/: marmita login registry\.example$/);
    expect(of("docker.io").hint).toMatch(/: marmita login$/);
  });

  it.each([
    [{ source: "auth" }, 'given as "auth" were refused', "Give others, or none and log in: "],
    [{ source: "/a.json" }, "from /a.json were refused", "Renew them: "],
    [
      { source: "DOCKER_AUTH_CONFIG" },
      "from DOCKER_AUTH_CONFIG were refused",
      "Renew them there, or unset it and log in: ",
    ],
    [
      { source: "/a.json", areRight: true },
      "from /a.json do not suffice",
      "Check the name; where it is right, log in as somebody who may: ",
    ],
  ])("says of %j that they do not do", (shown, words, hint) => {
    const credentials = { areRight: false, ...shown };
    const error = statusError({ status: 401, headers: {} }, doing, { ...where, credentials });

    expect(error).toMatchObject({
      code: "UNAUTHORIZED",
      message: `${doing}: the credentials ${words}`,
      hint: `${hint}marmita login registry.example`,
      details: { ...where, status: 401, credentials: shown.source },
    });
  });

  it("names the file to log in to, where one was named", () => {
    const credentials = { source: "/a.json", authFile: "/a.json", areRight: false };
    const error = statusError({ status: 401, headers: {} }, doing, { ...where, credentials });

    expect(error.hint).toBe("Renew them: marmita login --authfile /a.json registry.example");
  });

  it("says when to try again, and of Docker Hub that logging in helps", () => {
    const headers = { "retry-after": "90" };
    const error = statusError({ status: 429, headers }, doing, { registry: "docker.io" });

    expect(error.details).toEqual({ registry: "docker.io", status: 429, retryAfterMs: 90_000 });
    expect(error.hint).toBe(
      "Try again in 90 s. Whoever is logged in has a higher limit: marmita login",
    );
  });
});

describe("responseError", () => {
  it("quotes the registry", async () => {
    const body = errors("MANIFEST_UNKNOWN", "manifest unknown");

    const error = await responseError(answered(404, body), doing, where);

    expect(error.message).toBe(`${doing}: not found (manifest unknown)`);
    expect(error.details).toMatchObject({ code: "MANIFEST_UNKNOWN" });
  });

  it.each([
    "",
    "<html>",
    "null",
    "[]",
    '{"errors":5}',
    '{"errors":[5]}',
    '{"errors":[{"code":5}]}',
  ])("makes nothing of %j", async (body) => {
    const error = await responseError(answered(404, body), doing, where);

    expect(error.message).toBe(`${doing}: not found`);
  });

  it("shows one line of bounded length, without control characters", async () => {
    const message = `one\ntwo\u001b[31m\u202e${"x".repeat(10_000)}`;

    const error = await responseError(answered(403, errors("DENIED", message)), doing, where);

    expect(error.message).toMatch(/access denied \(one two \[31m x{280,}…\)$/);
    expect(error.message.length).toBeLessThan(450);
  });

  it("does not show what the registry gives back of our secrets", async () => {
    const pair = Buffer.from("user:pass word").toString("base64");
    const headers = { authorization: `Basic ${pair}` };
    const said = `no: ${pair} pass word user:pass word pass%20word https://u:p@cdn.example/x?sig=abcdef sig=abcdef`;

    const error = await responseError(answered(403, errors("x", said), { headers }), doing, where);

    expect(error.message).not.toMatch(/pass|sig=|u:p/);
    expect(error.message).not.toContain(pair);
    expect(error.message).toContain("https://cdn.example/x");
  });

  it("does not show a token either", async () => {
    const headers = { Authorization: "Bearer eyJhbGciOi.J9.x" };
    const body = errors("eyJhbGciOi.J9.x", "token eyJhbGciOi.J9.x is old");

    const error = await responseError(answered(401, body, { headers }), doing, where);

    expect(JSON.stringify([error.message, error.details, error.hint])).not.toContain("eyJh");
  });

  it("passes on an abort", async () => {
    const aborted = Object.assign(new Error("aborted"), { name: "AbortError" });
    const response = { ...answered(500, ""), read: async () => Promise.reject(aborted) };

    await expect(responseError(response, doing, where)).rejects.toBe(aborted);
  });
});

describe("shownUrl", () => {
  it("leaves out users, passwords, queries and fragments", () => {
    expect(shownUrl(new URL("https://user:word@a.example:444/b/c?sig=1#d"))).toBe(
      "https://a.example:444/b/c",
    );
  });

  it("is of bounded length", () => {
    expect(shownUrl(new URL(`https://a.example/${"x".repeat(5_000)}`)).length).toBe(301);
  });
});

describe("withShownUrls", () => {
  it.each([
    ["see https://a.example/b?c=d, please", "see https://a.example/b please"],
    ["'s3://user:word@a.example/b#c'", "'s3://a.example/b'"],
    ["two: http://a/b?c http://d/e?f", "two: http://a/b http://d/e"],
    ["is it? yes", "is it? yes"],
  ])("shows %j", (text, expected) => {
    expect(withShownUrls(text)).toBe(expected);
  });
});
