import { describe, expect, it } from "vitest";
import {
  checkRestartAndRemove,
  parseRestart,
  parseRestartPolicy,
} from "../../../lib/engine/restart-policy.ts";

describe("a restart policy", () => {
  it.each([
    ["no", undefined],
    ["", undefined],
    ["always", { name: "always", maxRetries: 0 }],
    ["unless-stopped", { name: "unless-stopped", maxRetries: 0 }],
    ["on-failure", { name: "on-failure", maxRetries: 0 }],
    ["on-failure:0", { name: "on-failure", maxRetries: 0 }],
    ["on-failure:12", { name: "on-failure", maxRetries: 12 }],
  ])("is read as Docker reads %j", (text, policy) => {
    expect(parseRestart(text)).toEqual(policy);
  });

  it.each([
    "Always",
    "on-failure:",
    "on-failure:x",
    "on-failure:-1",
    "on-failure:1.5",
    "on-failure:1:2",
    "on-failure:99999999999",
    "always:1",
    "no:1",
    " always",
  ])("is not %j", (text) => {
    expect(() => parseRestart(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it("does not go with a container that goes when it ends", () => {
    expect(() => checkRestartAndRemove({ restart: "always", remove: true })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    checkRestartAndRemove({ restart: "no", remove: true });
    checkRestartAndRemove({ restart: "always", remove: false });
  });

  it("comes out of a record as it went in", () => {
    const policy = { name: "on-failure", maxRetries: 3 };
    expect(parseRestartPolicy(policy, "record")).toEqual(policy);
    for (const broken of [{ name: "sometimes", maxRetries: 1 }, { name: "always" }, 7]) {
      expect(() => parseRestartPolicy(broken, "record")).toThrow(
        expect.objectContaining({ code: "CORRUPT" }),
      );
    }
  });
});
