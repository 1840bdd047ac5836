import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { RUN_FLAGS, RUN_REFUSED } from "../../../lib/cli/run-flags.ts";
import { securityOptions } from "../../../lib/cli/security-opt.ts";

const grammar = { flags: RUN_FLAGS, refused: RUN_REFUSED, stopsAtFirstArgument: true };
const options = (line: string) =>
  securityOptions(parseFlags(grammar, line === "" ? [] : line.split(" ")));
const opt = (text: string) => options(`--security-opt ${text}`);

describe("--security-opt", () => {
  it.each([
    ["no-new-privileges", { noNewPrivileges: true }],
    ["no-new-privileges=true", { noNewPrivileges: true }],
    ["no-new-privileges:true", { noNewPrivileges: true }],
    ["no-new-privileges=0", { noNewPrivileges: false }],
    ["seccomp=unconfined", { seccomp: "unconfined" }],
    ["seccomp:unconfined", { seccomp: "unconfined" }],
    ["seccomp=builtin", { seccomp: "default" }],
    ["seccomp=default", { seccomp: "default" }],
    ["seccomp=./p=1.json", { seccomp: "./p=1.json" }],
    ["systempaths=unconfined", { systemPaths: "unconfined" }],
    ["unmask=ALL", { systemPaths: "unconfined" }],
    [
      "unmask=/proc/*:/sys/firmware",
      { systemPaths: { mask: [], unmask: ["/proc/*", "/sys/firmware"] } },
    ],
    ["mask=/a:/b", { systemPaths: { mask: ["/a", "/b"], unmask: [] } }],
    ["proc-opts=hidepid=2,gid=5", { procOptions: ["hidepid=2", "gid=5"] }],
    ["label=disable", {}],
    ["label:disable", {}],
    ["apparmor=unconfined", {}],
  ])("%s", (text, expected) => {
    expect(opt(text)).toEqual(expected);
  });

  it("counts the last of a kind, and all paths", () => {
    const line =
      "seccomp=a --security-opt seccomp=builtin --security-opt mask=/a --security-opt mask=/b";

    expect(opt(line)).toEqual({
      seccomp: "default",
      systemPaths: { mask: ["/a", "/b"], unmask: [] },
    });
    expect(opt("systempaths=unconfined --security-opt mask=/a")).toEqual({
      systemPaths: { mask: ["/a"], unmask: ["ALL"] },
    });
  });

  it.each([
    ["seccomp", "a name, = and a value are needed"],
    ["seccomp=", "a name, = and a value are needed"],
    ["foo=bar", 'there is no option "foo"'],
    ["no-new-privileges=maybe", '"maybe" is neither true nor false'],
    ["systempaths=default", '"systempaths" can be "unconfined" only'],
  ])("%s is malformed", (text, why) => {
    expect(() => opt(text)).toThrow(`invalid argument "${text}" for "--security-opt" flag: ${why}`);
  });

  it.each(["label=type:x", "label=nested", "apparmor=docker", "writable-cgroups=true", "disable"])(
    "%s is refused by name",
    (text) => {
      expect(() => opt(text)).toThrow(`--security-opt ${text} is not supported`);
    },
  );
});

describe("the flags of capabilities", () => {
  it("name them in any spelling, several with commas", () => {
    expect(options("--cap-add net_admin,CAP_BPF --cap-add=all --cap-drop mknod")).toEqual({
      capAdd: ["CAP_NET_ADMIN", "CAP_BPF", "ALL"],
      capDrop: ["CAP_MKNOD"],
    });
  });

  it("refuse what there is not, and say what may have been meant", () => {
    expect(() => options("--cap-drop SYS_ADMN")).toThrow(
      'invalid argument "SYS_ADMN" for "--cap-drop" flag: no such capability: "SYS_ADMN" (did you mean CAP_SYS_ADMIN?)',
    );
  });

  it("are left out when nothing is asked for", () => {
    expect(options("--privileged=false")).toEqual({});
    expect(options("--privileged")).toEqual({ privileged: true });
  });
});
