import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseMount } from "../../../lib/cli/mount-flag.ts";

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
const unsupported = (message: string) => expect.objectContaining({ code: "UNSUPPORTED", message });

describe("--mount type=bind", () => {
  const bind = { type: "bind", source: "/a", target: "/b" };

  it.each([
    ["source=/a,target=/b", bind],
    ["src=/a,dst=/b", bind],
    ["target=/b,SOURCE=/a", bind],
    ["source=/a,destination=/b,readonly", { ...bind, readOnly: true }],
    ["source=/a,target=/b,ro=true", { ...bind, readOnly: true }],
    ["source=/a,target=/b,readonly=1", { ...bind, readOnly: true }],
    ["source=/a,target=/b,readonly=T", { ...bind, readOnly: true }],
    ["source=/a,target=/b,readonly=false", bind],
    ["source=/a,target=/b,ro=0", bind],
    ['"source=/a,b",target=/b', { ...bind, source: "/a,b" }],
    ['"source=/a""b",target=/b', { ...bind, source: '/a"b' }],
    ["source=/a:b,target=/b:c", { ...bind, source: "/a:b", target: "/b:c" }],
    ["source=x,target=/b", { ...bind, source: resolve("x") }],
    ["source=/a,target=/b,bind-propagation=rslave", { ...bind, propagation: "rslave" }],
    ["source=/a,target=/b,bind-nonrecursive", { ...bind, recursive: false }],
    ["source=/a,target=/b,bind-nonrecursive=false", bind],
    ["source=/a,target=/b,bind-recursive=enabled", bind],
    ["source=/a,target=/b,bind-recursive=disabled", { ...bind, recursive: false }],
    [
      "source=/a,target=/b,ro,bind-recursive=writable",
      { ...bind, readOnly: true, readOnlyRecursive: false },
    ],
    [
      "source=/a,target=/b,ro,bind-recursive=readonly,bind-propagation=rprivate",
      { ...bind, readOnly: true, propagation: "rprivate" },
    ],
    ["source=/a,target=/b,bind-create-src", { ...bind, createSource: true }],
    ["source=/a,target=/b,bind-create-mountpoint=true", { ...bind, createSource: true }],
    ["source=/a,target=/b,relabel=shared", { ...bind, relabel: "shared" }],
    ["source=/a,target=/b,consistency=cached", bind],
    ["source=/a,target=/b,idmap", { ...bind, idmap: true }],
    [
      "source=/a,target=/b,noexec,nosuid=true,dev=false",
      { noexec: true, nosuid: true, nodev: true },
    ],
    ["source=/a,target=/b,exec,suid,nodev=false", bind],
  ])("takes %s", (text, mount) => {
    expect(parseMount(`type=bind,${text}`)).toEqual({ ...bind, ...mount });
  });

  it.each([
    ["target=/b", "source is required"],
    ["source=/a,target=b", "absolute target"],
    ["source=/a,target=/b,readonly=maybe", "invalid value for readonly: maybe"],
    ["source=/a,target=/b,tmpfs-size=1", "cannot mix 'tmpfs-size'"],
    ["source=/a,target=/b,bind-propagation=loud", "invalid value for bind-propagation: loud"],
    ["source=/a,target=/b,bind-propagation", "must be a key=value pair"],
    ["source=/a,target=/b,bind-recursive=some", "must be one of enabled, disabled"],
    ["source=/a,target=/b,bind-recursive=writable", "requires 'readonly'"],
    ["source=/a,target=/b,bind-recursive=readonly", "requires 'readonly'"],
    ["source=/a,target=/b,ro,bind-recursive=readonly", "requires 'bind-propagation=rprivate'"],
    ["source=/a,target=/b,relabel=z", "invalid value for relabel: z"],
    ["source=/a,target=/b,consistency=much", "invalid value for consistency: much"],
    ["source=/a,target=/b,colour=red", "unexpected key 'colour' in 'colour=red'"],
    ['source="/a,target=/b', "a quote stands where none can"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(`type=bind,${text}`)).toThrow(invalid(message));
  });

  it.each([
    ["source=/a,target=/b,U", "--mount with u"],
    ["source=/a,target=/b,chown=true", "--mount with chown"],
    ["source=/a,target=/b,idmap=uids=0-1-1", "--mount with idmap=uids=0-1-1"],
    ["source=/a,target=/b,no-dereference", "--mount with no-dereference"],
  ])("refuses %s by name", (text, message) => {
    expect(() => parseMount(`type=bind,${text}`)).toThrow(unsupported(message));
  });
});

describe("--mount type=volume", () => {
  const volume = { type: "volume", target: "/b" };

  it.each([
    ["target=/b", volume],
    ["type=volume,target=/b,source=", volume],
    ["source=data,target=/b", { source: "data" }],
    ["type=volume,src=data,dst=/b,ro", { source: "data", readOnly: true }],
    ["source=data,target=/b,volume-nocopy", { source: "data", copy: false }],
    ["source=data,target=/b,volume-nocopy=false", { source: "data" }],
    ["source=data,target=/b,volume-subpath=a/b", { source: "data", subpath: "a/b" }],
    ["source=data,target=/b,subpath=a", { source: "data", subpath: "a" }],
    [
      "source=data,target=/b,volume-label=a=1,volume-label=b,volume-driver=local",
      { source: "data", labels: { a: "1", b: "" } },
    ],
    ["source=data,target=/b,noexec", { source: "data", noexec: true }],
  ])("takes %s", (text, mount) => {
    expect(parseMount(text)).toEqual({ ...volume, ...mount });
  });

  it.each([
    ["source=/a,target=/b", "'/a' is no name for a volume"],
    ["source=a,target=/b", "'a' is no name for a volume"],
    ["source=data,target=/b,volume-nocopy=no", "invalid value for volume-nocopy: no"],
    ["source=data,target=/b,bind-propagation=rslave", "cannot mix 'bind-propagation'"],
    ["source=data,target=/b,tmpfs-size=1", "cannot mix 'tmpfs-size'"],
    ["source=data,target=/b,volume-subpath", "must be a key=value pair"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(text)).toThrow(invalid(message));
  });

  it.each([
    ["source=data,target=/b,volume-driver=nfs", "--mount with volume-driver=nfs"],
    ["source=data,target=/b,volume-opt=type=nfs", "--mount with volume-opt"],
  ])("refuses %s by name", (text, message) => {
    expect(() => parseMount(text)).toThrow(unsupported(message));
  });
});

describe("--mount type=image", () => {
  const image = { type: "image", source: "busybox:1", target: "/b" };

  it.each([
    ["target=/b", image],
    ["target=/b,readonly", image],
    ["target=/b,rw", { readOnly: false }],
    ["target=/b,rw=true", { readOnly: false }],
    ["target=/b,readwrite=1", { readOnly: false }],
    ["target=/b,readonly=false", { readOnly: false }],
    ["target=/b,rw=false", image],
    ["target=/b,image-subpath=bin", { subpath: "bin" }],
    ["target=/b,subpath=bin", { subpath: "bin" }],
    ["target=/b,noexec", { noexec: true }],
  ])("takes %s", (text, mount) => {
    expect(parseMount(`type=image,source=busybox:1,${text}`)).toEqual({ ...image, ...mount });
  });

  it.each([
    ["type=image,target=/b", "source is required for an image mount"],
    ["type=image,source=x,target=/b,volume-nocopy", "cannot mix 'volume-nocopy'"],
    ["type=bind,source=/x,target=/b,rw", "cannot mix 'rw'"],
    ["type=bind,source=/x,target=/b,subpath=x", "cannot mix 'subpath' with mount type 'bind'"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(text)).toThrow(invalid(message));
  });
});

describe("--mount type=tmpfs", () => {
  const tmpfs = { type: "tmpfs", target: "/b" };

  it.each([
    ["target=/b", tmpfs],
    ["target=/b,tmpfs-size=64m,tmpfs-mode=1770", { sizeBytes: 64 * 2 ** 20, mode: 0o1770 }],
    ["target=/b,tmpfs-size=1.5GiB", { sizeBytes: 1.5 * 2 ** 30 }],
    ["target=/b,readonly", { readOnly: true }],
    ["target=/b,exec", { options: ["exec"] }],
    ["target=/b,noexec=false,suid,dev", { options: ["exec", "suid", "dev"] }],
    ["target=/b,noexec,notmpcopyup,consistency=default", tmpfs],
  ])("takes %s", (text, mount) => {
    expect(parseMount(`type=tmpfs,${text}`)).toEqual({ ...tmpfs, ...mount });
  });

  it.each([
    ["target=/b,source=/a", "cannot mix 'source'"],
    ["target=/b,bind-propagation=rprivate", "cannot mix 'bind-propagation'"],
    ["target=/b,tmpfs-size=much", "invalid size 'much'"],
    ["target=/b,tmpfs-size=0", "invalid size '0'"],
    ["target=/b,tmpfs-mode=9", "invalid mode '9'"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(`type=tmpfs,${text}`)).toThrow(invalid(message));
  });

  it("refuses what Podman copies into one by name", () => {
    const text = "type=tmpfs,target=/b,tmpcopyup";

    expect(() => parseMount(text)).toThrow(unsupported("--mount with tmpcopyup"));
  });
});

describe("--mount", () => {
  it.each([
    ["foo", "invalid field 'foo' must be a key=value pair"],
    ["type", "invalid field 'type' must be a key=value pair"],
    ["type=bind", "target is required"],
    ["type=nfs,target=/b", "unknown mount type 'nfs'"],
    ["type=,target=/b", "unknown mount type ''"],
  ])("complains of %s", (text, message) => {
    expect(() => parseMount(text)).toThrow(invalid(message));
  });

  it.each([
    ["type=glob,target=/b", "--mount type=glob"],
    ["type=devpts,target=/b", "--mount type=devpts"],
    ["type=ramfs,target=/b", "--mount type=ramfs"],
    ["type=npipe,target=/b", "--mount type=npipe"],
    ["type=cluster,target=/b", "--mount type=cluster"],
  ])("refuses %s by name", (text, message) => {
    expect(() => parseMount(text)).toThrow(unsupported(message));
  });
});
