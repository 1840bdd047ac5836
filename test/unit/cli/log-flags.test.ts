import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { LOG_FLAGS, logOptions } from "../../../lib/cli/log-flags.ts";

function options(...args: readonly string[]) {
  return logOptions(parseFlags({ flags: LOG_FLAGS, refused: {} }, args));
}

describe("the flags of a log", () => {
  it.each([
    [[], {}],
    [["--log-driver", "json-file"], { log: { driver: "k8s-file" } }],
    [["--log-driver=none"], { log: { driver: "none" } }],
    [["--log-driver="], {}],
    [
      ["--log-opt", "max-size=10m", "--log-opt", "max-file=3"],
      { log: { maxSize: 10_000_000, maxFiles: 3 } },
    ],
    [["--log-opt", "max-size=1m", "--log-opt", "max-size=-1"], { log: { maxSize: 0 } }],
    [["--log-opt", "max-size=20KiB"], { log: { maxSize: 20_000 } }],
  ])("%j are %j", (args, expected) => {
    expect(options(...args)).toEqual(expected);
  });

  it.each([
    [["--log-driver", "syslog"], /--log-driver syslog is not supported/],
    [
      ["--log-driver", "file"],
      /invalid argument "file" for "--log-driver" flag: expected "k8s-file"/,
    ],
    [["--log-opt", "tag=x"], /--log-opt tag is not supported/],
    [["--log-opt", "size=1"], /there are "max-size" and "max-file"/],
    [["--log-opt", "max-size"], /expected a size/],
    [["--log-opt", "max-size=0"], /expected a size/],
    [["--log-opt", "max-size=10x"], /expected a size/],
    [["--log-opt", "max-file=0"], /from 1 to 1000/],
    [["--log-opt", "max-file=1001"], /from 1 to 1000/],
  ])("%j are refused", (args, message) => {
    expect(() => options(...args)).toThrow(message);
  });
});
