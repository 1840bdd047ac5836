import { describe, expect, it } from "vitest";
import { helperCommand, subnetBeside } from "../../../lib/runtime/network-helpers.ts";

const settings = { ipv6: true, subnet: subnetBeside([]), forwards: [], reachesHost: false };
const pasta = { name: "pasta", program: "/usr/bin/pasta" } as const;
const slirp = { name: "slirp4netns", program: "/usr/bin/slirp4netns" } as const;

describe("the command line of a network helper", () => {
  it("of pasta maps nothing of this machine's loopback, and no port", () => {
    const words = helperCommand(pasta, settings).join(" ");

    expect(words).toMatch(/^\/usr\/bin\/pasta --foreground /);
    expect(words).toContain(
      "--no-map-gw --tcp-ports=none --udp-ports=none --tcp-ns=none --udp-ns=none",
    );
    expect(words).toContain("--pid=/proc/self/fd/0 --netns=/proc/self/fd/1");
    expect(words).not.toContain("--address");
    expect(words).not.toContain("--dns-forward");
  });

  it("of pasta forwards to this machine's name servers where they are asked there", () => {
    const words = helperCommand(pasta, { ...settings, forwards: ["10.0.2.3", "fd00::3"] });

    expect(words).toContain("--dns-forward=10.0.2.3");
    expect(words).toContain("--dns-forward=fd00::3");
  });

  it("of pasta gives an address of its own to whoever may reach this machine's", () => {
    const words = helperCommand(pasta, { ...settings, reachesHost: true }).join(" ");

    expect(words).toContain("--address=10.0.2.100 --netmask=24 --gateway=10.0.2.2");
    expect(words).toContain("--no-map-gw");
  });

  it("of slirp4netns confines it, and has IPv6 where this machine has", () => {
    const words = helperCommand(slirp, settings);

    expect(words).toEqual(
      expect.arrayContaining([
        "--disable-host-loopback",
        "--enable-sandbox",
        "--enable-seccomp",
        "--enable-ipv6",
        "--cidr=10.0.2.0/24",
      ]),
    );
    expect(words.slice(-2)).toEqual(["/proc/self/fd/1", "eth0"]);
    expect(helperCommand(slirp, { ...settings, ipv6: false })).not.toContain("--enable-ipv6");
  });

  it("leaves the subnet to this machine where it lives there", () => {
    expect(subnetBeside(["10.0.2.15", "192.0.2.1"])).toEqual({
      network: "10.0.3.0",
      address: "10.0.3.100",
      gateway: "10.0.3.2",
      nameservers: { ipv4: "10.0.3.3", ipv6: "fd00::3" },
    });
  });
});
