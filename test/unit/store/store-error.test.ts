import { describe, expect, it } from "vitest";
import { MarmitaError } from "../../../lib/errors.ts";
import { HelperFailure } from "../../../lib/native/helper.ts";
import { storeError } from "../../../lib/store/store-error.ts";

const systemError = (code: string) =>
  Object.assign(new Error(`${code}: open`), { code, syscall: "open" });
const helperFailure = (errno: number, what: string) =>
  new HelperFailure({ event: "failed", errno, what });

describe("storeError", () => {
  it.each([
    ["a full disk", systemError("ENOSPC"), "UNAVAILABLE", "ENOSPC", "no space left on device"],
    ["a used up quota", systemError("EDQUOT"), "UNAVAILABLE", "EDQUOT", "load image"],
    ["no permission", systemError("EACCES"), "UNAVAILABLE", "EACCES", "permission denied"],
    [
      "a full disk in the helper",
      helperFailure(28, "write blob"),
      "UNAVAILABLE",
      "ENOSPC",
      "write blob: no space left",
    ],
    [
      "a damaged archive",
      helperFailure(74, "read gzip at byte 9"),
      "CORRUPT",
      "EBADMSG",
      "read gzip at byte 9",
    ],
    ["an unknown compression", helperFailure(95, "read xz"), "UNSUPPORTED", "ENOTSUP", "read xz"],
  ])("turns %s into an error with code, errno and words", (_, cause, code, errno, words) => {
    const error = storeError(cause, "load image");

    expect(error).toBeInstanceOf(MarmitaError);
    expect(error).toMatchObject({ code, errno, cause, message: expect.stringContaining(words) });
  });

  it("turns the death of a helper into an error in its words", () => {
    const cause = new HelperFailure({ event: "failed", what: "marmita-init apply ended" });

    expect(storeError(cause, "apply")).toMatchObject({
      name: "MarmitaError",
      code: "UNAVAILABLE",
      step: "apply",
      message: "marmita-init apply ended",
      cause,
    });
  });

  it("says what to do about a full disk", () => {
    expect(storeError(systemError("ENOSPC"), "x")).toMatchObject({
      hint: expect.stringContaining("full"),
    });
  });

  it("leaves errors on purpose and aborts alone", () => {
    const onPurpose = new MarmitaError("NOT_FOUND", "no such image");
    const abort = Object.assign(new Error("aborted"), { name: "AbortError", code: "ABORT_ERR" });

    expect(storeError(onPurpose, "x")).toBe(onPurpose);
    expect(storeError(abort, "x")).toBe(abort);
  });

  it("leaves mistakes in the program alone", () => {
    const mistake = new TypeError("undefined is not a function");

    expect(storeError(mistake, "x")).toBe(mistake);
  });
});
