import { describe, expect, it } from "vitest";
import { type ContainerRecord, encodeRecord, parseRecord } from "../../../lib/engine/records.ts";

const RECORD: ContainerRecord = {
  id: "ab".repeat(32),
  name: "lunch",
  createdAt: "2026-01-02T03:04:05.678Z",
  image: {
    name: "busybox",
    id: `sha256:${"cd".repeat(32)}`,
    layers: [`sha256:${"ef".repeat(32)}`],
  },
  command: ["sh", "-c", "true"],
  entrypointWords: 1,
  hostname: "lunch",
  labels: { course: "main" },
  mounts: [
    { type: "bind", source: "/src", target: "/dst", readOnly: true },
    { type: "tmpfs", target: "/tmp", sizeBytes: 4096, mode: 0o700 },
  ],
  networking: {
    mode: "slirp4netns",
    dns: ["192.0.2.53"],
    dnsSearch: ["."],
    dnsOptions: ["rotate"],
    extraHosts: ["db:192.0.2.1"],
  },
  readOnly: true,
  tty: false,
  openStdin: false,
  remove: false,
  isolation: {
    ids: "single",
    rootfs: "overlay",
    network: "none",
    networkReason: "/dev/net/tun is missing",
    seccomp: "custom",
    notes: ["one id was asked for"],
  },
  security: {
    privileged: false,
    capAdd: ["net_admin"],
    capDrop: ["ALL"],
    securityOpt: ["seccomp={}", "no-new-privileges"],
  },
  confinement: { pid: "host", ulimits: { nofile: { soft: 5, hard: -1 } }, umask: 0o27 },
  inherited: { StopSignal: "SIGINT", ExposedPorts: { "80/tcp": {} } },
  trees: ["/var/tmp/marmita-1000/x"],
};

describe("a container's record", () => {
  it("reads back as it was written", () => {
    expect(parseRecord(JSON.parse(encodeRecord(RECORD).toString()), "record")).toEqual(RECORD);
  });

  it.each([
    ["of another format", { format: 2 }, "UNSUPPORTED"],
    ["with an id that is a path", { id: "../../etc" }, "CORRUPT"],
    ["with an unknown isolation", { isolation: { ids: "magic" } }, "CORRUPT"],
    ["without a name", { name: undefined }, "CORRUPT"],
    ["with limits of an unknown kind", { confinement: { ulimits: { mood: 5 } } }, "CORRUPT"],
  ])("%s is refused", (_what, change, code) => {
    const json: unknown = { ...JSON.parse(encodeRecord(RECORD).toString()), ...change };

    expect(() => parseRecord(json, "record")).toThrow(expect.objectContaining({ code }));
  });
});
