import { describe, expect, it } from "vitest";
import { RequestFailure, type Stage } from "../../../lib/registry/request-failure.ts";
import {
  delayAfter,
  delayOfStatus,
  isPassing,
  retryAfterMs,
} from "../../../lib/registry/retries.ts";
import type { WireMethod, WireRequest } from "../../../lib/registry/wire-message.ts";
import { endpointAt } from "../../helpers/wire.ts";

const endpoint = endpointAt("https://registry.example/");

function requestOf(method: WireMethod, retry?: boolean): WireRequest {
  return { method, url: endpoint.base, endpoint, ...(retry !== undefined && { retry }) };
}

function failureOf(code: string, stage: Stage, isReused = false): RequestFailure {
  return new RequestFailure(stage, Object.assign(new Error(code), { code }), { isReused });
}

describe("isPassing", () => {
  it.each(["ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ECONNRESET"])(
    "is true of %s while connecting, whatever was to be sent",
    (code) => {
      expect(isPassing(failureOf(code, "connect"), requestOf("PATCH"))).toBe(true);
    },
  );

  it.each(["ENOTFOUND", "CERT_HAS_EXPIRED", "EPROTO", "DEPTH_ZERO_SELF_SIGNED_CERT", "EPROXY", ""])(
    "is false of %s",
    (code) => {
      expect(isPassing(failureOf(code, "connect"), requestOf("GET"))).toBe(false);
    },
  );

  it("depends on the method once something was sent", () => {
    for (const stage of ["send", "headers"] as const) {
      const reset = failureOf("ECONNRESET", stage);

      expect(isPassing(reset, requestOf("GET"))).toBe(true);
      expect(isPassing(reset, requestOf("PUT"))).toBe(true);
      expect(isPassing(reset, requestOf("PUT", false))).toBe(false);
      expect(isPassing(reset, requestOf("PATCH"))).toBe(false);
      expect(isPassing(reset, requestOf("POST", true))).toBe(true);
    }
  });

  it("is true of a connection that was closed while it was idle", () => {
    const reset = failureOf("ECONNRESET", "headers", true);

    expect(isPassing(reset, requestOf("POST"))).toBe(true);
    expect(isPassing(reset, requestOf("POST", false))).toBe(false);
  });

  it("is false of what is no HTTP", () => {
    expect(isPassing(failureOf("HPE_INVALID_CONSTANT", "headers"), requestOf("GET"))).toBe(false);
  });
});

describe("delayOfStatus", () => {
  const of = (status: number, method: WireMethod = "GET", retryAfter?: string) => {
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    return delayOfStatus({ status, headers }, requestOf(method), 300);
  };

  it.each([408, 500, 502, 503, 504])("tries again after %d, not with POST", (status) => {
    expect(of(status)).toBe(300);
    expect(of(status, "POST")).toBeUndefined();
  });

  it.each([200, 202, 206, 307, 400, 401, 403, 404, 416, 501])(
    "takes %d as the answer",
    (status) => {
      expect(of(status)).toBeUndefined();
    },
  );

  it("waits as long as the registry says, unless that is long", () => {
    expect(of(429, "GET", "2")).toBe(2_000);
    expect(of(429, "POST", "10")).toBe(10_000);
    expect(of(503, "GET", "7")).toBe(7_000);
    expect(of(429, "GET", "11")).toBeUndefined();
    expect(of(503, "GET", "60")).toBeUndefined();
    expect(of(429, "GET", "0")).toBe(300);
  });

  it("takes 429 without a time as the answer", () => {
    expect(of(429)).toBeUndefined();
    expect(of(429, "GET", "soon")).toBeUndefined();
  });
});

describe("retryAfterMs", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  it.each([
    ["5", 5_000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["-1", undefined],
    ["1e9", undefined],
    ["99999999999999", undefined],
    ["Fri, 31 Dec 9999 23:59:59 GMT", undefined],
    ["Fri, nonsense", undefined],
    ["tomorrow", undefined],
    ["", undefined],
  ])("reads %j", (value, expected) => {
    expect(retryAfterMs({ "retry-after": value }, now)).toBe(expected);
  });

  it("reads nothing where there is nothing", () => {
    expect(retryAfterMs({}, now)).toBeUndefined();
  });
});

describe("delayAfter", () => {
  it("doubles, up to five seconds, half of it by chance", () => {
    expect([1, 2, 3, 4].map((attempt) => delayAfter(attempt, 1))).toEqual([200, 400, 800, 1_600]);
    expect([1, 2, 3, 4].map((attempt) => delayAfter(attempt, 0))).toEqual([100, 200, 400, 800]);
    expect(delayAfter(30, 1)).toBe(5_000);
  });
});
