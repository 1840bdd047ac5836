import { describe, expect, it } from "vitest";
import { hostFiles } from "../../../lib/runtime/host-files.ts";
import { machine } from "./network-facts.ts";

const FILES = {
  "/etc/hosts": "10.0.0.1 gateway\n",
  "/etc/resolv.conf": "nameserver 127.0.0.53\nsearch home.example\n",
  "/proc/net/route":
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nwlan0\t00000000\t010010AC\t0003\t0\t0\t0\t00000000\n",
};
const host = machine({ files: FILES, addresses: ["eth0 192.0.2.7", "wlan0 172.16.0.9"] });
const extraHosts = [
  { name: "db", address: "192.0.2.1" },
  { name: "me", address: "host-gateway" },
];

describe("the files of a container's names", () => {
  it("are this machine's on its network", () => {
    expect(hostFiles({ network: "host", hostname: "box" }, host)).toMatchObject({
      hosts: FILES["/etc/hosts"],
      hostname: "box\n",
      resolvConf: FILES["/etc/resolv.conf"],
    });
  });

  it("know the container alone without a network, and no name server", () => {
    const { hosts, resolvConf } = hostFiles({ network: "none", hostname: "box" }, host);

    expect(hosts).toMatch(/^127\.0\.0\.1\tlocalhost\n[^]*\n127\.0\.1\.1\tbox\n$/);
    expect(resolvConf).toBe("");
  });

  it("stand alone on a machine that has none", () => {
    const made = hostFiles({ network: "host", hostname: "box" }, machine());

    expect(made.hosts).toContain("127.0.0.1\tlocalhost");
    expect(made.resolvConf).toBe("");
  });

  it("leave the container's own line to whoever knows its address", () => {
    const input = { network: "private", hostname: "box", name: "web", extraHosts } as const;
    const { hosts, otherHosts, ownNames, resolvConf } = hostFiles(input, host);

    expect(ownNames).toBe("box web");
    expect(otherHosts).toMatch(/ip6-allrouters\n192\.0\.2\.1\tdb\n172\.16\.0\.9\tme\n$/);
    expect(hosts).toBe(`${otherHosts}127.0.1.1\tbox web\n`);
    expect(resolvConf).toBe("nameserver 10.0.2.3\nsearch home.example\n");
  });

  it("name the helper's name server beside this machine's own network", () => {
    const inVirtualBox = machine({ files: FILES, addresses: ["eth0 10.0.2.15"] });

    expect(hostFiles({ network: "private", hostname: "box" }, inVirtualBox).resolvConf).toBe(
      "nameserver 10.0.3.3\nsearch home.example\n",
    );
  });

  it("take what was asked for on any network", () => {
    const resolver = { dns: ["192.0.2.53"], dnsSearch: ["."] };

    for (const network of ["private", "none", "host"] as const) {
      expect(hostFiles({ network, hostname: "box", resolver }, host).resolvConf).toBe(
        "nameserver 192.0.2.53\n",
      );
    }
    const { hosts } = hostFiles({ network: "host", hostname: "box", extraHosts }, host);
    expect(hosts).toBe("10.0.0.1 gateway\n192.0.2.1\tdb\n127.0.0.1\tme\n");
  });

  it.each([
    ["none", machine(), 'network "none" has none'],
    ["private", machine({ addresses: ["eth0 fe80::1"] }), "this machine has no address"],
  ] as const)("have no way to this machine from %s, and say so", (network, where, why) => {
    expect(() => hostFiles({ network, hostname: "box", extraHosts }, where)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(why) }),
    );
  });
});
