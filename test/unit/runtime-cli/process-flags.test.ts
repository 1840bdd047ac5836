import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../lib/cli/flags.ts";
import { PROCESS_FLAGS, processSettings } from "../../../lib/runtime-cli/process-flags.ts";

const settings = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  processSettings(parseFlags({ flags: PROCESS_FLAGS, refused: {} }, args), env);

describe("options of processes", () => {
  it("are none unless they are given", () => {
    expect(settings(["--pid-file=", "--preserve-fds=0"])).toEqual({});
  });

  it("take paths as they are", () => {
    expect(settings(["--pid-file", "a/b", "--console-socket=/s"])).toEqual({
      pidFile: "a/b",
      consoleSocket: "/s",
    });
  });

  it("preserve no descriptors that nobody handed over", () => {
    expect(() => settings(["--preserve-fds=200000"])).toThrow(/^descriptor \d+ is to be preserved/);
  });

  it.each(["-1", "x", "1.5", "99999999"])("refuse %s descriptors", (count) => {
    expect(() => settings([`--preserve-fds=${count}`])).toThrow("expected a number of descriptors");
  });

  it("leave alone what systemd handed to another process", () => {
    expect(settings([], { LISTEN_FDS: "3", LISTEN_PID: "1" })).toEqual({});
  });
});
