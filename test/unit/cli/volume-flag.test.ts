import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseVolume } from "../../../lib/cli/volume-flag.ts";

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
const unsupported = (message: string) => expect.objectContaining({ code: "UNSUPPORTED", message });

describe("-v with a path of the host", () => {
  it.each([
    ["/a:/b", { source: "/a", target: "/b" }],
    ["/a:/b:", { source: "/a", target: "/b" }],
    ["/a:/b:ro", { source: "/a", target: "/b", readOnly: true }],
    ["/a:/b:rw", { source: "/a", target: "/b" }],
    ["/a/:/b/", { source: "/a", target: "/b/" }],
    [".:/b", { source: resolve("."), target: "/b" }],
    ["./x:/b", { source: resolve("x"), target: "/b" }],
    ["../x:/b", { source: resolve("../x"), target: "/b" }],
    ["/with space:/b", { source: "/with space", target: "/b" }],
    ["/:/host", { source: "/", target: "/host" }],
    ["/a:/b:z", { source: "/a", target: "/b", relabel: "shared" }],
    ["/a:/b:Z", { source: "/a", target: "/b", relabel: "private" }],
    ["/a:/b:ro,Z", { source: "/a", target: "/b", readOnly: true, relabel: "private" }],
    ["/a:/b:rslave", { source: "/a", target: "/b", propagation: "rslave" }],
    ["/a:/b:private,ro", { source: "/a", target: "/b", propagation: "private", readOnly: true }],
    ["/a:/b:shared", { source: "/a", target: "/b", propagation: "shared" }],
    ["/a:/b:runbindable", { source: "/a", target: "/b", propagation: "runbindable" }],
    ["/a:/b:rbind", { source: "/a", target: "/b" }],
    ["/a:/b:bind", { source: "/a", target: "/b", recursive: false }],
    ["/a:/b:idmap", { source: "/a", target: "/b", idmap: true }],
    ["/a:/b:noexec,nosuid,nodev", { noexec: true, nosuid: true, nodev: true }],
    ["/a:/b:exec,suid,dev", {}],
    ["/a:/b:cached", {}],
    ["/a:/b:delegated,ro", { readOnly: true }],
  ])("takes %s", (text, mount) => {
    const all = { type: "bind", source: "/a", target: "/b", createSource: true, ...mount };

    expect(parseVolume(text)).toEqual(all);
  });
});

describe("-v with a volume", () => {
  it.each([
    ["/data", { target: "/data" }],
    ["/data:ro", { target: "/data", readOnly: true }],
    ["/data:nocopy", { target: "/data", copy: false }],
    ["data:/b", { source: "data", target: "/b" }],
    ["data:/b:ro", { source: "data", target: "/b", readOnly: true }],
    ["data:/b:nocopy", { source: "data", target: "/b", copy: false }],
    ["data:/b:copy,z", { source: "data", target: "/b" }],
    ["my_data-1.x:/b:noexec", { source: "my_data-1.x", target: "/b", noexec: true }],
    ["ro:/b", { source: "ro", target: "/b" }],
  ])("takes %s", (text, mount) => {
    expect(parseVolume(text)).toEqual({ type: "volume", ...mount });
  });

  it.each([
    ["a:/b", "'a' is no name for a volume"],
    ["~/x:/b", "'~/x' is no name for a volume"],
    ["a/b:/c", "a path of the host is absolute or starts with ./"],
    ["-a:/b", "'-a' is no name for a volume"],
    ["data:/b:rslave", "a propagation is for host paths"],
    ["data:/b:bind", "'bind' or 'rbind' is for host paths"],
    ["data:/b:idmap", "'idmap' is for host paths"],
    ["data", "expected an absolute TARGET, got 'data'"],
    ["data:ro", "absolute TARGET, got 'data'"],
  ])("complains of %s", (text, message) => {
    expect(() => parseVolume(text)).toThrow(invalid(message));
  });
});

describe("-v", () => {
  it.each([
    ["", "[SOURCE:]TARGET[:OPTIONS]"],
    [":/b", "[SOURCE:]TARGET[:OPTIONS]"],
    ["/a:", "[SOURCE:]TARGET[:OPTIONS]"],
    ["/a:/b:ro:x", "[SOURCE:]TARGET[:OPTIONS]"],
    ["/a:b", "absolute TARGET, got 'b'"],
    ["/a:./b", "absolute TARGET, got './b'"],
    ["/a:/b:ro,rw", "'rw' and another option"],
    ["/a:/b:z,Z", "'Z' and another option"],
    ["/a:/b:rslave,rprivate", "'rprivate' and another option"],
    ["/a:/b:noexec,exec", "'exec' and another option"],
    ["/a:/b:readonly", "unknown option 'readonly'"],
    ["/a:/b:RO", "unknown option 'RO'"],
    ["/a:/b:__proto__", "unknown option '__proto__'"],
    ["/a:/b:nocopy", "'copy' and 'nocopy' are for volumes"],
  ])("complains of %j", (text, message) => {
    expect(() => parseVolume(text)).toThrow(invalid(message));
  });

  it.each([
    ["/a:/b:U", "-v with the option U"],
    ["/a:/b:O", "-v with the option O"],
    ["/a:/b:ro,upperdir=/x", "-v with the option upperdir=/x"],
    ["/a:/b:idmap=uids=0-1-1", "-v with the option idmap=uids=0-1-1"],
    ["data:/b:U", "-v with the option U"],
  ])("refuses %j by name", (text, message) => {
    expect(() => parseVolume(text)).toThrow(unsupported(message));
  });
});
