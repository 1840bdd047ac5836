import { describe, expect, it } from "vitest";
import { parseTmpfs } from "../../../lib/cli/tmpfs-flag.ts";

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });

describe("--tmpfs", () => {
  it.each([
    ["/run", {}],
    ["/run:", {}],
    ["/run:rw,noexec,nosuid", {}],
    ["/run:size=64k", { sizeBytes: 65_536 }],
    ["/run:size=64MB", { sizeBytes: 64 * 2 ** 20 }],
    ["/run:mode=0755,size=1g", { sizeBytes: 2 ** 30, mode: 0o755 }],
    ["/run:size=50%", { options: ["size=50%"] }],
    ["/run:exec", { options: ["exec"] }],
    ["/run:exec,noexec", { options: ["exec", "noexec"] }],
    ["/run:ro,uid=5,gid=7", { options: ["ro", "uid=5", "gid=7"] }],
    ["/run:nr_inodes=4k,nr_blocks=10", { options: ["nr_inodes=4k", "nr_blocks=10"] }],
    ["/run:noatime,private", { options: ["noatime", "private"] }],
    ["/run:mpol=default", { options: ["mpol=default"] }],
  ])("takes %s", (text, mount) => {
    expect(parseTmpfs(text)).toEqual({ type: "tmpfs", target: "/run", ...mount });
  });

  it.each([
    ["run", "absolute path, got 'run'"],
    ["", "absolute path, got ''"],
    ["/run:size=0", "invalid size '0'"],
    ["/run:size=", "invalid size ''"],
    ["/run:mode=rwx", "invalid mode 'rwx'"],
    ["/run:uid=root", "invalid tmpfs option 'uid=root'"],
    ["/run:colour=red", "invalid tmpfs option 'colour=red'"],
    ["/run:nr_inodes", "invalid tmpfs option 'nr_inodes'"],
  ])("complains of %j", (text, message) => {
    expect(() => parseTmpfs(text)).toThrow(invalid(message));
  });

  it.each(["rshared", "bind", "sync", "remount", "tmpcopyup"])("refuses %s by name", (option) => {
    expect(() => parseTmpfs(`/run:${option}`)).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: `a tmpfs with the option ${option}`,
      }) as Error,
    );
  });
});
