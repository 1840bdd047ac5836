import { describe, expect, it } from "vitest";
import { checkRecordedMount, mounts } from "../../../lib/engine/mount-checks.ts";

const bind = { type: "bind", source: "/s", target: "/t" };
const tmpfs = { type: "tmpfs", target: "/t" };
const volume = { type: "volume", source: "data", target: "/t" };
const image = { type: "image", source: "busybox", target: "/t" };

describe("the option mounts", () => {
  it.each([
    [bind],
    [{ ...bind, readOnly: true, readOnlyRecursive: false, recursive: false, createSource: true }],
    [{ ...bind, propagation: "rslave", relabel: "private", idmap: true }],
    [{ ...bind, noexec: true, nosuid: false, nodev: undefined }],
    [tmpfs],
    [{ ...tmpfs, readOnly: true, sizeBytes: 1, mode: 0o1777, options: ["exec", "uid=5"] }],
    [volume],
    [{ type: "volume", target: "/t" }],
    [{ ...volume, copy: false, subpath: "a/b", labels: { a: "" }, readOnly: true }],
    [image],
    [{ ...image, readOnly: false, subpath: "a", nosuid: true }],
  ])("takes %j", (mount) => {
    expect(() => mounts([mount], "mounts")).not.toThrow();
  });

  it.each([
    ["no list", bind, "an array of mounts"],
    [
      "no type",
      [{ target: "/t" }],
      'expected "mounts[0].type" to be "bind" or "tmpfs" or "volume"',
    ],
    ["a type of its own", [{ ...bind, type: "toString" }], 'got "toString"'],
    ["a relative target", [{ ...bind, target: "t" }], "an absolute path"],
    ["no source", [{ type: "image", target: "/t" }], '"mounts[0].source" to be given'],
    ["another propagation", [{ ...bind, propagation: "loud" }], 'got "loud"'],
    ["another relabelling", [{ ...bind, relabel: "z" }], 'got "z"'],
    ["another type's field", [{ ...tmpfs, copy: true }], 'unknown option "mounts[0].copy"'],
    ["a prototype's field", [{ ...tmpfs, constructor: true }], 'unknown option "mounts[0].constr'],
    ["a recorded field", [{ ...volume, anonymous: true }], 'unknown option "mounts[0].anonymous"'],
    ["a volume's name as path", [{ ...volume, source: "../x" }], 'got "../x"'],
    ["a volume's name too long", [{ ...volume, source: "x".repeat(241) }], "240 characters"],
    ["a subpath that climbs", [{ ...volume, subpath: "a/../.." }], 'a relative path without ".."'],
    ["a subpath that is absolute", [{ ...image, subpath: "/a" }], "a relative path"],
    ["an empty subpath", [{ ...volume, subpath: "" }], "a relative path"],
    ["labels that are none", [{ ...volume, labels: { a: 1 } }], '"mounts[0].labels.a"'],
    ["an option of no tmpfs", [{ ...tmpfs, options: ["colour=red"] }], "an option of a tmpfs"],
    ["options as a word", [{ ...tmpfs, options: "exec" }], "an array of strings"],
    ["a size of nothing", [{ ...tmpfs, sizeBytes: 0 }], "a whole number of bytes"],
  ])("refuses %s", (_what, value, words) => {
    expect(() => mounts(value, "mounts")).toThrow(words);
  });

  it("refuses by name what a tmpfs could have, and has not", () => {
    expect(() => mounts([{ ...tmpfs, options: ["rshared"] }], "mounts")).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }) as Error,
    );
  });
});

describe("a mount of a record", () => {
  it.each([
    [{ ...volume, anonymous: true }],
    [{ ...image, id: `sha256:${"ab".repeat(32)}` }],
    [bind],
    [tmpfs],
  ])("is %j", (mount) => {
    expect(() => checkRecordedMount(mount, "mount")).not.toThrow();
  });

  it.each([
    [{ type: "volume", target: "/t" }, "mount.source"],
    [image, "mount.id"],
    [{ ...image, id: "sha256:x" }, "sha256:x"],
  ])("is not %j", (mount, words) => {
    expect(() => checkRecordedMount(mount, "mount")).toThrow(words);
  });
});
