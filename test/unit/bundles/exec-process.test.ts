import { describe, expect, it } from "vitest";
import { execProcess } from "../../../lib/bundles/exec-process.ts";
import type { Process } from "../../../lib/oci/runtime-spec.ts";

const own: Process = {
  terminal: true,
  user: { uid: 5, gid: 6, umask: 0o77, additionalGids: [7] },
  args: ["server"],
  env: ["A=1"],
  cwd: "/srv",
  capabilities: { bounding: ["CAP_CHOWN"], ambient: [] },
  noNewPrivileges: true,
  apparmorProfile: "own",
};

describe("a further process of a container", () => {
  it("is as its own, without the terminal of that", () => {
    expect(execProcess(own, ["id"], {})).toEqual({ ...own, args: ["id"], terminal: false });
  });

  it("has what was asked for, beside that or in its place", () => {
    const options = {
      tty: true,
      cwd: "/",
      env: ["B=2"],
      user: "8",
      additionalGids: [9],
      noNewPrivileges: false,
      apparmorProfile: "other",
      selinuxLabel: "label",
    };

    expect(execProcess(own, ["id"], options)).toEqual({
      ...own,
      args: ["id"],
      terminal: true,
      cwd: "/",
      env: ["A=1", "B=2"],
      user: { uid: 8, gid: 6, umask: 0o77, additionalGids: [7, 9] },
      noNewPrivileges: false,
      apparmorProfile: "other",
      selinuxLabel: "label",
    });
    expect(execProcess(own, ["id"], { user: "8:10" }).user).toMatchObject({ uid: 8, gid: 10 });
  });

  it("has more capabilities, and leaves none of them to what ordinary users execute", () => {
    const { capabilities } = execProcess(own, ["id"], { capabilities: ["CAP_KILL", "CAP_CHOWN"] });

    expect(capabilities).toEqual({
      bounding: ["CAP_CHOWN", "CAP_KILL"],
      effective: ["CAP_KILL", "CAP_CHOWN"],
      permitted: ["CAP_KILL", "CAP_CHOWN"],
      ambient: [],
    });
  });

  it("is confined as that where it is said whole, and does not say how", () => {
    const whole: Process = { user: { uid: 0, gid: 0 }, args: ["id"], cwd: "/" };

    expect(execProcess(own, whole, {})).toEqual({
      ...whole,
      env: [],
      capabilities: { bounding: ["CAP_CHOWN"], ambient: [] },
      noNewPrivileges: true,
      apparmorProfile: "own",
    });
    expect(execProcess(own, { ...whole, noNewPrivileges: false }, {}).noNewPrivileges).toBe(false);
  });
});
