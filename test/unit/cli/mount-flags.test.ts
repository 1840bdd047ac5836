import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseMount, parseTmpfs, parseVolume } from "../../../lib/cli/mount-flags.ts";

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
const unsupported = (message: string) => expect.objectContaining({ code: "UNSUPPORTED", message });

describe("-v", () => {
  it.each([
    ["/a:/b", { source: "/a", target: "/b" }],
    ["/a:/b:ro", { source: "/a", target: "/b", readOnly: true }],
    ["/a:/b:rw", { source: "/a", target: "/b" }],
    ["/a/:/b/", { source: "/a", target: "/b/" }],
    [".:/b", { source: resolve("."), target: "/b" }],
    ["./x:/b", { source: resolve("x"), target: "/b" }],
    ["../x:/b", { source: resolve("../x"), target: "/b" }],
    ["/with space:/b", { source: "/with space", target: "/b" }],
  ])("takes %s", (text, mount) => {
    expect(parseVolume(text)).toEqual({ type: "bind", ...mount });
  });

  it.each([
    ["", "SOURCE:TARGET"],
    [":/b", "SOURCE:TARGET"],
    ["/a:", "SOURCE:TARGET"],
    ["/a:/b:ro:x", "SOURCE:TARGET"],
    ["/a:b", "absolute TARGET, got 'b'"],
    ["/a:/b:ro,rw", "one of ro and rw"],
  ])("complains of %j", (text, message) => {
    expect(() => parseVolume(text)).toThrow(invalid(message));
  });

  it.each([
    ["/data", "-v with an anonymous volume"],
    ["data:/b", "-v with a named volume"],
    ["~/x:/b", "-v with a named volume"],
    ["/a:/b:z", "-v with the option z"],
    ["/a:/b:ro,rshared", "-v with the option rshared"],
  ])("refuses %j by name", (text, message) => {
    expect(() => parseVolume(text)).toThrow(unsupported(message));
  });
});

describe("--mount", () => {
  const bind = { type: "bind", source: "/a", target: "/b" };

  it.each([
    ["type=bind,source=/a,target=/b", bind],
    ["type=bind,src=/a,dst=/b", bind],
    ["target=/b,SOURCE=/a,type=bind", bind],
    ["type=bind,source=/a,destination=/b,readonly", { ...bind, readOnly: true }],
    ["type=bind,source=/a,target=/b,ro=true", { ...bind, readOnly: true }],
    ["type=bind,source=/a,target=/b,readonly=1", { ...bind, readOnly: true }],
    ["type=bind,source=/a,target=/b,readonly=false", bind],
    ['type=bind,"source=/a,b",target=/b', { ...bind, source: "/a,b" }],
    ['type=bind,"source=/a""b",target=/b', { ...bind, source: '/a"b' }],
    ["type=bind,source=x,target=/b", { ...bind, source: resolve("x") }],
    ["type=tmpfs,target=/b", { type: "tmpfs", target: "/b" }],
    [
      "type=tmpfs,target=/b,tmpfs-size=64m,tmpfs-mode=1770",
      { type: "tmpfs", target: "/b", sizeBytes: 64 * 2 ** 20, mode: 0o1770 },
    ],
  ])("takes %s", (text, mount) => {
    expect(parseMount(text)).toEqual(mount);
  });

  it.each([
    ["foo", "invalid field 'foo' must be a key=value pair"],
    ["type", "invalid field 'type' must be a key=value pair"],
    ["type=bind", "target is required"],
    ["type=bind,target=/b", "source is required"],
    ["type=bind,source=/a,target=b", "absolute target"],
    ["type=bind,source=/a,target=/b,readonly=maybe", "invalid value for readonly: maybe"],
    ["type=bind,source=/a,target=/b,tmpfs-size=1", "cannot mix 'tmpfs-size'"],
    ["type=tmpfs,target=/b,source=/a", "cannot mix 'source'"],
    ["type=tmpfs,target=/b,tmpfs-size=much", "invalid size 'much'"],
    ["type=tmpfs,target=/b,tmpfs-mode=9", "invalid mode '9'"],
    ["type=nfs,target=/b", "unknown mount type 'nfs'"],
    ["type=bind,colour=red,target=/b", "unexpected key 'colour' in 'colour=red'"],
    ['type=bind,source="/a,target=/b', "a quote stands where none can"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(text)).toThrow(invalid(message));
  });

  it.each([
    ["source=/a,target=/b", "--mount type=volume"],
    ["type=volume,target=/b", "--mount type=volume"],
    ["type=image,source=x,target=/b", "--mount type=image"],
    ["type=bind,source=/a,target=/b,bind-propagation=rslave", "--mount with bind-propagation"],
    ["type=tmpfs,target=/b,readonly", "--mount type=tmpfs with readonly"],
  ])("refuses %s by name", (text, message) => {
    expect(() => parseMount(text)).toThrow(unsupported(message));
  });
});

describe("--tmpfs", () => {
  it.each([
    ["/run", {}],
    ["/run:", {}],
    ["/run:rw,noexec,nosuid", {}],
    ["/run:size=64k", { sizeBytes: 65_536 }],
    ["/run:mode=0755,size=1g", { sizeBytes: 2 ** 30, mode: 0o755 }],
  ])("takes %s", (text, mount) => {
    expect(parseTmpfs(text)).toEqual({ type: "tmpfs", target: "/run", ...mount });
  });

  it("complains of a relative path", () => {
    expect(() => parseTmpfs("run")).toThrow(invalid("absolute path, got 'run'"));
  });

  it("refuses options that are not there yet by name", () => {
    expect(() => parseTmpfs("/run:exec")).toThrow(unsupported("--tmpfs with the option exec"));
  });
});
