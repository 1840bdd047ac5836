import { describe, expect, it } from "vitest";
import { chooseNetwork } from "../../../lib/runtime/network.ts";
import { machine } from "./network-facts.ts";

const both = ["pasta", "slirp4netns"];
const names = async (...given: Parameters<typeof chooseNetwork>) => {
  const { level, helpers, isRequired } = await chooseNetwork(...given);
  return [level, helpers.map(({ name }) => name).join(" then "), isRequired];
};

describe("the network of a container", () => {
  it.each([
    ["pasta, and slirp4netns should that fail", both, "pasta then slirp4netns"],
    ["the only one there is", ["slirp4netns"], "slirp4netns"],
  ])("is private unless asked otherwise, by %s", async (_, programs, helpers) => {
    expect(await names(undefined, machine({ programs }))).toEqual(["private", helpers, false]);
  });

  it.each(["private", "bridge"] as const)("is %s, or nothing runs", async (asked) => {
    expect(await names(asked, machine({ programs: both }))).toEqual([
      "private",
      "pasta then slirp4netns",
      true,
    ]);
  });

  it.each(["pasta", "slirp4netns"] as const)("is private by %s alone, by name", async (asked) => {
    expect(await names(asked, machine({ programs: both }))).toEqual(["private", asked, true]);
  });

  it.each(["none", "host"] as const)("is %s, whatever is installed", async (asked) => {
    expect(await names(asked, machine())).toEqual([asked, "", true]);
  });

  it.each([
    [{}, "neither pasta nor slirp4netns is installed"],
    [{ programs: both, closed: "ENOENT" }, "/dev/net/tun is missing"],
    [{ programs: both, closed: "EACCES" }, "/dev/net/tun may not be opened (EACCES)"],
  ])("is none, and says why, where nobody asked and there is: %o", async (facts, reason) => {
    const choice = await chooseNetwork(undefined, machine(facts));

    expect(choice).toMatchObject({ level: "none", reason });
  });

  it.each([
    ["private", {}, "install the package passt or slirp4netns"],
    ["pasta", { programs: ["slirp4netns"] }, "install the package passt (as root"],
    ["slirp4netns", { programs: ["pasta"] }, "install the package slirp4netns (as root"],
    ["private", { programs: both, closed: "ENOENT" }, "modprobe tun"],
    ["private", { programs: both, closed: "EACCES" }, "chmod 0666 /dev/net/tun"],
  ] as const)("%s is refused with the way out where there is: %o", async (asked, facts, way) => {
    await expect(chooseNetwork(asked, machine(facts))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      step: "network",
      message: expect.stringContaining(`no network "${asked}" here`),
      hint: expect.stringMatching(new RegExp(way.replace(/[()]/g, "\\$&"), "i")),
    });
  });

  it("says that nobody answers a ping where this machine's user may not send any", async () => {
    const files = { "/proc/sys/net/ipv4/ping_group_range": "1\t0\n" };
    const { notes } = await chooseNetwork(undefined, machine({ programs: both, files }));

    expect(notes).toEqual([expect.stringMatching(/^ping reaches nobody: .*without group 1000/)]);
    expect((await chooseNetwork(undefined, machine({ programs: both }))).notes).toEqual([]);
  });
});
