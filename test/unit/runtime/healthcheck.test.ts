import { describe, expect, it } from "vitest";
import type { Healthcheck } from "../../../lib/oci/image-config.ts";
import {
  healthCheckPlan,
  type HealthcheckOptions,
  mergeHealthcheck,
} from "../../../lib/runtime/healthcheck.ts";

const MS = 1_000_000;

describe("the health check of a container", () => {
  it.each<
    [
      string,
      Healthcheck | undefined,
      HealthcheckOptions | "none" | undefined,
      Healthcheck | undefined,
    ]
  >([
    ["nothing", undefined, undefined, undefined],
    [
      "the image's",
      { Test: ["CMD", "a"], Retries: 2 },
      undefined,
      { Test: ["CMD", "a"], Retries: 2 },
    ],
    ["none, though the image has one", { Test: ["CMD", "a"] }, "none", { Test: ["NONE"] }],
    ["a line for the shell", undefined, { test: "a b" }, { Test: ["CMD-SHELL", "a b"] }],
    ["words", undefined, { test: ["a", "b"] }, { Test: ["CMD", "a", "b"] }],
    [
      "the image's test with other times",
      { Test: ["CMD", "a"], Interval: 5 * MS, Timeout: 6 * MS, Retries: 9 },
      { intervalMs: 1, startPeriodMs: 2, startIntervalMs: 3, retries: 4 },
      {
        Test: ["CMD", "a"],
        Interval: MS,
        Timeout: 6 * MS,
        StartPeriod: 2 * MS,
        StartInterval: 3 * MS,
        Retries: 4,
      },
    ],
  ])("is %s", (_, image, option, merged) => {
    expect(mergeHealthcheck(image, option)).toEqual(merged);
  });

  it.each<[string, Healthcheck | undefined]>([
    ["there is none", undefined],
    ["it is switched off", { Test: ["NONE"] }],
    ["only its times are known", { Interval: 5 }],
    ["it has no words", { Test: ["CMD"] }],
    ["it is of a kind that nobody knows", { Test: ["HTTP", "/"] }],
  ])("is not carried out where %s", (_, healthcheck) => {
    expect(healthCheckPlan(healthcheck)).toBeUndefined();
  });

  it("has Docker's times where none are given, as by 0", () => {
    const expected = {
      command: ["true"],
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
      retries: 3,
    };

    expect(healthCheckPlan({ Test: ["CMD", "true"] })).toEqual(expected);
    expect(healthCheckPlan({ Test: ["CMD", "true"], Interval: 0, Retries: 0 })).toEqual(expected);
    expect(healthCheckPlan({ Test: ["CMD", "true"], Interval: 1 })).toMatchObject({
      intervalMs: 1,
    });
  });

  it("gives a line to the image's shell", () => {
    const healthcheck = { Test: ["CMD-SHELL", "a && b"] };

    expect(healthCheckPlan(healthcheck)?.command).toEqual(["/bin/sh", "-c", "a && b"]);
    expect(healthCheckPlan(healthcheck, ["bash", "-ec"])?.command).toEqual([
      "bash",
      "-ec",
      "a && b",
    ]);
  });
});
