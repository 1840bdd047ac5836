/** What a container with a private network reaches of the machine it runs on, offline. */
import { describe, expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { machineFault, seenFrom } from "../helpers/network-machine.ts";
import { hostCan, needProgram, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const able =
  requireUserNamespaces() && hostCan("make a network to look at from outside", machineFault());

const reached = (answers: Readonly<Record<string, string>>) =>
  Object.keys(answers)
    .filter((name) => answers[name]?.startsWith("reached"))
    .toSorted();

describe.runIf(able).each([
  // Its address is the machine's own, which so means the container itself.
  { helper: "pasta", own: [], address: "198.51.100.7" },
  { helper: "slirp4netns", own: ["198.51.100.7:9002", "198.51.100.7:9003"], address: "10.0.2.100" },
])("through $helper a container", ({ helper, own, address }) => {
  expectNothingLeft();

  it("reaches others, and nothing on the machine's loopback", async (context) => {
    needProgram(context, helper);

    const { answers, hosts, isolation } = await seenFrom({ network: helper });

    expect(reached(answers)).toEqual([...own, "198.51.100.8:9004"]);
    expect(isolation).toMatchObject({ network: "private", networkHelper: helper });
    expect(hosts).toMatch(
      new RegExp(`^${address.replaceAll(".", "\\.")}\t[0-9a-f]{12} \\S+$`, "m"),
    );
  });

  it("asks a name server on the machine's loopback", async (context) => {
    needProgram(context, helper);

    const { answers, resolvConf } = await seenFrom({ network: helper });

    expect(answers["name"]).toBe("203.0.113.9");
    expect(resolvConf).toBe("nameserver 10.0.2.3\nsearch home.example\n");
  });

  it("reaches the machine's address when asked, and nothing on its loopback", async (context) => {
    needProgram(context, helper);
    const extraHosts = ["machine:host-gateway"];

    const { answers, hosts } = await seenFrom({ network: helper, extraHosts });

    expect(reached(answers)).toEqual([
      "198.51.100.7:9002",
      "198.51.100.7:9003",
      "198.51.100.8:9004",
    ]);
    expect(hosts).toMatch(/^198\.51\.100\.7\tmachine$/m);
    expect(hosts).toMatch(/^10\.0\.2\.100\t[0-9a-f]{12} \S+$/m);
  });
});

describe.runIf(able)("on the machine's own network a container", () => {
  expectNothingLeft();

  it("reaches all of this: the servers answer", async () => {
    const { answers } = await seenFrom({ network: "host" });

    expect(reached(answers)).toEqual(
      expect.arrayContaining([
        "127.0.0.1:9001",
        "198.51.100.7:9003",
        "abstract",
        "udp 127.0.0.1:9006",
      ]),
    );
    expect(answers["name"]).toBe("203.0.113.9");
  });
});
