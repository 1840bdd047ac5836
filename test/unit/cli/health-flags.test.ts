import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { HEALTH_FLAGS, healthOptions } from "../../../lib/cli/health-flags.ts";

const parse = (...args: string[]) =>
  healthOptions(parseFlags({ flags: HEALTH_FLAGS, refused: {} }, args));

describe("the flags about health checks", () => {
  it.each([
    ["nothing", [], {}],
    ["a command", ["--health-cmd", "curl -f x || exit 1"], { test: "curl -f x || exit 1" }],
    [
      "all times",
      [
        "--health-interval=1m30s",
        "--health-timeout=500ms",
        "--health-start-period=0",
        "--health-start-interval=1h",
        "--health-retries=7",
      ],
      { intervalMs: 90_000, timeoutMs: 500, startIntervalMs: 3_600_000, retries: 7 },
    ],
  ])("are %s", (_, args, healthcheck) => {
    expect(parse(...args)).toEqual(Object.keys(healthcheck).length > 0 ? { healthcheck } : {});
  });

  it("switch it off, in Docker's way and in Podman's", () => {
    expect(parse("--no-healthcheck")).toEqual({ healthcheck: "none" });
    expect(parse("--health-cmd=none")).toEqual({ healthcheck: "none" });
  });

  it.each([
    [["--no-healthcheck", "--health-cmd=x"], "--no-healthcheck conflicts with --health-* options"],
    [["--health-interval=soon"], "expected a duration"],
    [["--health-timeout=-1s"], "expected a duration"],
    [["--health-interval=1us"], "less than a millisecond"],
    [["--health-retries=many"], "expected a whole number"],
  ])("refuse %j", (args, words) => {
    expect(() => parse(...args)).toThrow(words);
  });
});
