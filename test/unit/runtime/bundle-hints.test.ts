import { describe, expect, it } from "vitest";
import { hintFor } from "../../../lib/runtime/hints.ts";

const HOST = { read: () => undefined, canOpen: () => true, filesystem: () => undefined };

describe("the hint for what a bundle asks for", () => {
  it.for([
    ["scheduler", "set the scheduler", "EPERM", "CAP_SYS_NICE"],
    ["seccomp-listener", "connect to the seccomp listener /s", "ECONNREFUSED", "listenerPath"],
    ["console-socket", "open the console socket /s", "ENOENT", "listen at the console socket"],
    ["hook", "the hook /h took longer than 5000 ms", "ETIMEDOUT", "`timeout`"],
    ["hook", "execute the hook /h", "ENOENT", "startContainer in the container"],
    ["pivot", "pivot_root", "EINVAL", "--no-pivot"],
    ["node", "bind node /dev/x of this machine: it is another device", "ENODEV", "same numbers"],
    ["bind", "bind /a: set the options of the mount on /b", "EPERM", "access times"],
    ["label", "write exec x to /proc/self/attr/exec", "EINVAL", "AppArmor"],
    ["mount", "mount odd on /a", "ENODEV", "/proc/filesystems"],
    ["bind-mapped", "map the ids of the mount on /a: write /proc/1/gid_map", "EPERM", "idmap"],
  ])("is there: %s", ([step, what = "", errno, hint]) => {
    expect(hintFor({ step, what, errno }, HOST)).toContain(hint);
  });
});
