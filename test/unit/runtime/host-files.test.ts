import { describe, expect, it } from "vitest";
import { hostFiles } from "../../../lib/runtime/host-files.ts";

const FILES: Readonly<Record<string, string>> = {
  "/etc/hosts": "10.0.0.1 gateway\n",
  "/etc/resolv.conf": "nameserver 10.0.0.1\n",
};
const read = async (path: string) => FILES[path];

describe("the files of a container's names", () => {
  it("are this machine's on its network", async () => {
    expect(await hostFiles({ network: "host", hostname: "box" }, read)).toEqual({
      hosts: "10.0.0.1 gateway\n",
      hostname: "box\n",
      resolvConf: "nameserver 10.0.0.1\n",
    });
  });

  it("know the container alone without a network, and no name server", async () => {
    const { hosts, resolvConf } = await hostFiles({ network: "none", hostname: "box" }, read);

    expect(hosts).toMatch(/^127\.0\.0\.1\tlocalhost\n[^]*\n127\.0\.1\.1\tbox\n$/);
    expect(resolvConf).toBe("");
  });

  it("stand alone on a machine that has none", async () => {
    const made = await hostFiles({ network: "host", hostname: "box" }, async () => undefined);

    expect(made.hosts).toContain("127.0.0.1\tlocalhost");
    expect(made.resolvConf).toBe("");
  });
});
