import { describe, expect, it } from "vitest";
import { log, parseRecordedLog, recordedLog } from "../../../lib/engine/log-options.ts";

const DEFAULT = { driver: "k8s-file", maxSize: 20 * 1024 * 1024, maxFiles: 5 };

describe("the log of a container", () => {
  it("is kept unless the container goes with its end, or nobody wants it", () => {
    expect(recordedLog({})).toEqual(DEFAULT);
    expect(recordedLog({ remove: true })).toEqual(DEFAULT);
    expect(recordedLog({ remove: true, start: { detach: true } })).toEqual(DEFAULT);
    expect(recordedLog({ remove: true, start: {} })).toBeUndefined();
    expect(recordedLog({ start: {} })).toEqual(DEFAULT);
    expect(recordedLog({ log: { driver: "none" } })).toBeUndefined();
    expect(recordedLog({ remove: true, start: {}, log: { driver: "k8s-file" } })).toEqual(DEFAULT);
    expect(recordedLog({ log: { maxSize: 0, maxFiles: 1 } })).toEqual({
      ...DEFAULT,
      maxSize: 0,
      maxFiles: 1,
    });
  });

  it.each([
    { driver: "syslog" },
    { maxSize: -1 },
    { maxSize: 1.5 },
    { maxFiles: 0 },
    { maxFiles: 1_001 },
    { size: 1 },
    "none",
    null,
  ])("is not %j", (options) => {
    expect(() => log(options, "log")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("comes out of a record as it went in", () => {
    expect(parseRecordedLog(DEFAULT, "record")).toEqual(DEFAULT);
    for (const broken of [{ ...DEFAULT, driver: "none" }, { driver: "k8s-file" }, []]) {
      expect(() => parseRecordedLog(broken, "record")).toThrow(
        expect.objectContaining({ code: "CORRUPT" }),
      );
    }
  });
});
