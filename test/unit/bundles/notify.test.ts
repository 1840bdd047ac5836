import { describe, expect, it } from "vitest";
import { notifyParts } from "../../../lib/bundles/notify.ts";

describe("what systemd hands on", () => {
  it("is nothing unless there is something", () => {
    expect(notifyParts({})).toEqual({ extraMounts: [], extraEnv: [] });
  });

  it("is a socket bound to a place of its own, and a number of descriptors", () => {
    expect(notifyParts({ notifySocket: "/run/systemd/notify", listenFds: 2 })).toEqual({
      extraMounts: [
        {
          destination: "/run/notify/notify.sock",
          type: "bind",
          source: "/run/systemd/notify",
          options: ["bind", "nosuid", "nodev", "noexec"],
        },
      ],
      extraEnv: ["LISTEN_FDS=2", "NOTIFY_SOCKET=/run/notify/notify.sock"],
    });
  });

  it("is a name where the socket has no path", () => {
    expect(notifyParts({ notifySocket: "@notify" })).toEqual({
      extraMounts: [],
      extraEnv: ["NOTIFY_SOCKET=@notify"],
    });
  });
});
