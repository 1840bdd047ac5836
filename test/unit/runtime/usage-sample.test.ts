import { describe, expect, it } from "vitest";
import { cgroupValue } from "../../../lib/runtime/own-cgroup.ts";
import { parseIoStat, parseNetDev } from "../../../lib/runtime/usage-sample.ts";

describe("what a container uses", () => {
  it("is read of its network, but for the loopback", () => {
    const text = [
      "Inter-|   Receive                                                |  Transmit",
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs",
      "    lo:     100       1    0    0    0     0          0         0      100       1    0",
      "  tap0:    2000       3    0    0    0     0          0         0      500       4    0",
      "eth0.1:       7       3    0    0    0     0          0         0        8       4    0",
      "",
    ].join("\n");

    expect(parseNetDev(text)).toEqual({ receivedBytes: 2_007, sentBytes: 508 });
    expect(parseNetDev("")).toEqual({ receivedBytes: 0, sentBytes: 0 });
  });

  it("is summed over disks", () => {
    const text =
      "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n259:1 rbytes=1 wbytes=2 rios=1\n";

    expect(parseIoStat(text)).toEqual({ readBytes: 11, writtenBytes: 22 });
    expect(parseIoStat("8:0\n")).toEqual({ readBytes: 0, writtenBytes: 0 });
  });

  it("stands in lines of a control group's files", () => {
    const text = "usage_usec 1500\nuser_usec 1000\n";

    expect(cgroupValue(text, "usage_usec")).toBe(1_500);
    expect(cgroupValue(text, "usec")).toBeUndefined();
    expect(cgroupValue(undefined, "usage_usec")).toBeUndefined();
  });
});
