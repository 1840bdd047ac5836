import { describe, expect, it } from "vitest";
import { labelOperations } from "../../../lib/runtime/labels.ts";
import { personalityOperations } from "../../../lib/runtime/personality.ts";
import { rootPropagation } from "../../../lib/runtime/root-propagation.ts";

const NONE = { hasSelinux: false };
const BOTH = { apparmor: "apparmor/exec", hasSelinux: true };

const refused = (code: string, field: string) =>
  expect.objectContaining({ code, details: { field } });

describe("the labels of a process", () => {
  it("are written where the machine's modules read them", () => {
    const asked = { apparmorProfile: "box", selinuxLabel: "u:r:t:s0" };

    expect(labelOperations(asked, BOTH)).toEqual([
      ["label", "apparmor/exec", "exec box"],
      ["label", "exec", "u:r:t:s0"],
    ]);
  });

  it("may be empty, which asks for nothing", () => {
    expect(labelOperations({ apparmorProfile: "", selinuxLabel: "" }, NONE)).toEqual([]);
  });

  it("are refused where the machine has no such module", () => {
    expect(() => labelOperations({ apparmorProfile: "box" }, NONE)).toThrow(
      refused("UNSUPPORTED", "process.apparmorProfile"),
    );
    expect(() => labelOperations({ selinuxLabel: "u" }, NONE)).toThrow(
      refused("UNSUPPORTED", "process.selinuxLabel"),
    );
  });
});

describe("the personality of a container", () => {
  it("is one of two", () => {
    expect(personalityOperations(undefined)).toEqual([]);
    expect(personalityOperations({ domain: "LINUX" })).toEqual([["personality", 0]]);
    expect(personalityOperations({ domain: "LINUX32", flags: [] })).toEqual([["personality", 8]]);
  });

  it("is refused by name where it is another", () => {
    expect(() => personalityOperations({ domain: "toString" })).toThrow(
      refused("INVALID_ARGUMENT", "linux.personality.domain"),
    );
    expect(() => personalityOperations({ domain: "LINUX", flags: ["x"] })).toThrow(
      refused("UNSUPPORTED", "linux.personality.flags"),
    );
  });
});

describe("the propagation of a root", () => {
  it("lets the host's mounts in unless something else is asked for", () => {
    expect(rootPropagation(undefined)).toEqual({
      before: [["propagation"]],
      rootFlags: 1,
      after: [],
    });
    expect(rootPropagation("rprivate")).toMatchObject({
      before: [["propagation"]],
      after: [["root-propagation", (1 << 18) | 0x4000]],
    });
  });

  it("leaves the host's mounts shared where the root is, but for what the root lies on", () => {
    expect(rootPropagation("shared")).toEqual({
      before: [],
      rootFlags: 3,
      after: [["root-propagation", 1 << 20]],
    });
  });

  it.for(["rr", "rshare", "constructor", "private "])("is not %s", (word) => {
    expect(() => rootPropagation(word)).toThrow(
      refused("INVALID_ARGUMENT", "linux.rootfsPropagation"),
    );
  });
});
