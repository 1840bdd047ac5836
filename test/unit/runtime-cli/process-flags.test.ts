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

  it("count the descriptors that systemd handed to us apart from those that others did", () => {
    const env = { LISTEN_FDS: "2", LISTEN_PID: String(process.pid) };

    expect(settings(["--preserve-fds=1"], env)).toEqual({ preserveFds: 1, listenFds: 2 });
  });

  it.each(["-1", "x", "1.5", "99999999"])("refuse %s descriptors", (count) => {
    expect(() => settings([`--preserve-fds=${count}`])).toThrow("expected a number of descriptors");
  });

  it("leave alone what systemd handed to another process", () => {
    expect(settings([], { LISTEN_FDS: "3", LISTEN_PID: "1" })).toEqual({});
  });
});
