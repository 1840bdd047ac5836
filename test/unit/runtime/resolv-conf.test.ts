import { describe, expect, it } from "vitest";
import {
  formatResolvConf,
  forwardsIn,
  parseResolvConf,
  reachableNameservers,
  withRequest,
} from "../../../lib/runtime/resolv-conf.ts";

const FORWARDS = { ipv4: "10.0.2.3", ipv6: "fd00::3" };

describe("resolv.conf", () => {
  it("is read as glibc reads it", () => {
    const text =
      "# of a test\nnameserver\t192.0.2.1 # the first\ndomain one.example\n" +
      "search a.example b.example\noptions ndots:2\noptions edns0 trust-ad\nnameserver ::1\nsortlist x\n";

    expect(parseResolvConf(text)).toEqual({
      nameservers: ["192.0.2.1", "::1"],
      search: ["a.example", "b.example"],
      options: ["ndots:2", "edns0", "trust-ad"],
    });
    expect(parseResolvConf("nameserver\nsearch\ndomain a b\n")).toMatchObject({ search: ["a"] });
  });

  it("is written without what is empty", () => {
    expect(formatResolvConf({ nameservers: ["::1"], search: ["a", "b"], options: ["x"] })).toBe(
      "nameserver ::1\nsearch a b\noptions x\n",
    );
    expect(formatResolvConf({ nameservers: [], search: [], options: [] })).toBe("");
  });

  it.each([
    ["others are kept", ["192.0.2.1", "2001:db8::1"], ["192.0.2.1", "2001:db8::1"]],
    ["systemd-resolved's", ["127.0.0.53"], ["10.0.2.3"]],
    ["dnsmasq's, both families", ["127.0.0.1", "::1"], ["10.0.2.3", "fd00::3"]],
    ["one of this machine's own addresses", ["192.0.2.7"], ["10.0.2.3"]],
    ["written otherwise", ["2001:DB8:0:0::7"], ["fd00::3"]],
    ["one that names an interface", ["fe80::1%eth0", "192.0.2.1"], ["fd00::3", "192.0.2.1"]],
    // The helper forwards to the first of a family, which is in the list already.
    ["a local one behind another", ["192.0.2.1", "127.0.0.1"], ["192.0.2.1"]],
    ["two local ones", ["127.0.0.1", "127.0.0.53"], ["10.0.2.3"]],
    [
      "more than glibc takes",
      ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"].slice(0, 4),
      ["1.1.1.1", "1.1.1.2", "1.1.1.3"],
    ],
  ])("of a private network: %s", (_, given, expected) => {
    expect(reachableNameservers(given, ["192.0.2.7", "2001:db8::7"], FORWARDS)).toEqual(expected);
  });

  it("names what the helper is to forward", () => {
    expect(forwardsIn("nameserver 10.0.2.3\nnameserver 192.0.2.1\n", FORWARDS)).toEqual([
      "10.0.2.3",
    ]);
    expect(forwardsIn("nameserver 192.0.2.1\nsearch fd00::3\n", FORWARDS)).toEqual([]);
  });

  it.each([
    [{}, "nameserver 192.0.2.1\nsearch a.example\noptions ndots:2\n"],
    [{ dns: ["192.0.2.9"] }, "nameserver 192.0.2.9\nsearch a.example\noptions ndots:2\n"],
    [{ dnsSearch: ["x", "y"] }, "nameserver 192.0.2.1\nsearch x y\noptions ndots:2\n"],
    [{ dnsSearch: ["."] }, "nameserver 192.0.2.1\noptions ndots:2\n"],
    [{ dnsOptions: ["rotate"] }, "nameserver 192.0.2.1\nsearch a.example\noptions rotate\n"],
    [
      { dns: [], dnsSearch: [], dnsOptions: [] },
      "nameserver 192.0.2.1\nsearch a.example\noptions ndots:2\n",
    ],
  ])("with %o", (request, expected) => {
    const settings = parseResolvConf("nameserver 192.0.2.1\nsearch a.example\noptions ndots:2\n");

    expect(formatResolvConf(withRequest(settings, request))).toBe(expected);
  });
});
