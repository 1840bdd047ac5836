import { describe, expect, it } from "vitest";
import { sysctlNamespace, sysctlPath } from "../../../lib/runtime/sysctls.ts";

describe("kernel settings", () => {
  it.each([
    ["net.ipv4.ip_forward", "network", "net/ipv4/ip_forward"],
    ["net/ipv4/ip_forward", "network", "net/ipv4/ip_forward"],
    ["net.ipv4.conf.eth0/1.forwarding", "network", "net/ipv4/conf/eth0.1/forwarding"],
    ["net/ipv4/conf/eth0.1/forwarding", "network", "net/ipv4/conf/eth0.1/forwarding"],
    ["kernel.shm_rmid_forced", "ipc", "kernel/shm_rmid_forced"],
    ["kernel.sem", "ipc", "kernel/sem"],
    ["fs.mqueue.msg_max", "ipc", "fs/mqueue/msg_max"],
    ["kernel.domainname", "uts", "kernel/domainname"],
  ])("%s are of a namespace (%s)", (name, namespace, path) => {
    expect(sysctlNamespace(name)).toBe(namespace);
    expect(sysctlPath(name)).toBe(path);
  });

  it.each([
    "vm.swappiness",
    "kernel.panic",
    "kernel.hostname",
    "kernel.shmfoo",
    "fs.file-max",
    "net",
    "net.",
    "net..ipv4",
    "net/../kernel/panic",
    "net.//.kernel.panic",
    "net.ipv4./.x",
    "net/./x",
    "/net/x",
    "network.x",
    "net.a b",
    "net.a\nb",
    "fs.mqueue/../file-max",
    "",
  ])("%j are not", (name) => {
    expect(sysctlNamespace(name)).toBeUndefined();
  });
});
