import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { GLOBAL, openLog, readGlobal } from "../../../lib/runtime-cli/global.ts";
import { Log } from "../../../lib/runtime-cli/log.ts";

const read = (...args: string[]) => readGlobal(parseFlags(GLOBAL, args), new Log());

describe("the global options", () => {
  it.each([
    ["nothing", [], {}],
    ["--root", ["--root", "/r"], { root: "/r" }],
    ["an empty --root", ["--root="], {}],
    ["--systemd-cgroup", ["--systemd-cgroup"], { cgroupManager: "systemd" }],
    ["--cgroup-manager", ["--cgroup-manager=disabled"], { cgroupManager: "disabled" }],
    [
      "both, the word before the switch",
      ["--systemd-cgroup", "--cgroup-manager=cgroupfs"],
      { cgroupManager: "cgroupfs" },
    ],
    ["--rootless=auto", ["--rootless=auto"], {}],
    ["--rootless true", ["--rootless", "true"], {}],
    ["--rootless=false", ["--rootless=false"], { requireResources: true }],
  ])("take %s", (_, args, expected) => {
    expect(read(...args)).toMatchObject({ requireResources: false, ...expected });
  });

  it.each([
    ["a manager that there is not", ["--cgroup-manager=openrc"], /"openrc" for "--cgroup-manager"/],
    ["a word that is no boolean", ["--rootless=maybe"], /"maybe" for "--rootless"/],
    ["what needs criu", ["--criu=/bin/criu", "state"], /^--criu is not supported/],
    ["what is nobody's", ["--nope"], /^unknown flag: --nope/],
  ])("refuse %s", (_, args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  it.each([
    ["another format", ["--log-format=xml"], /"xml" for "--log-format"/],
    ["a log that is a service", ["--log=journald:x"], /^--log journald: is not supported/],
  ])("refuse %s", (_, args, message) => {
    expect(() => openLog(parseFlags(GLOBAL, args))).toThrow(message);
  });

  it("end where the command begins", () => {
    const { args } = parseFlags(GLOBAL, ["--root", "/r", "exec", "--root", "c"]);

    expect(args).toEqual(["exec", "--root", "c"]);
  });
});
