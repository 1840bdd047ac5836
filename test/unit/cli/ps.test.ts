import { describe, expect, it } from "vitest";
import { formatContainers, formatStatus } from "../../../lib/cli/ps.ts";
import type { ContainerSummary } from "../../../lib/engine/list.ts";

const now = new Date("2024-01-01T12:00:00Z");

function container(name: string, state: ContainerSummary["state"]): ContainerSummary {
  return {
    id: name.repeat(64).slice(0, 64),
    name,
    createdAt: "2024-01-01T10:00:00Z",
    image: { name: "busybox", layers: [] },
    command: ["sh", "-c", 'echo "a rather long command"'],
    entrypointWords: 0,
    hostname: "",
    labels: {},
    mounts: [],
    trees: [],
    networking: { mode: "private", dns: [], dnsSearch: [], dnsOptions: [], extraHosts: [] },
    readOnly: false,
    tty: false,
    openStdin: false,
    remove: false,
    isolation: { ids: "subids", rootfs: "overlay", network: "none", seccomp: "default", notes: [] },
    security: { privileged: false, capAdd: [], capDrop: [], securityOpt: [] },
    confinement: {},
    inherited: {},
    state,
  };
}

const list = [
  container("c", { status: "created" }),
  container("b", { status: "running", startedAt: "2024-01-01T11:59:30Z" }),
  container("a", { status: "exited", exitCode: 137, finishedAt: "2024-01-01T11:59:57Z" }),
];

describe("ps", () => {
  it.each([
    [list[0]!.state, "Created"],
    [list[1]!.state, "Up 30 seconds"],
    [list[2]!.state, "Exited (137) 3 seconds ago"],
  ])("tells of %j: %s", (state, text) => {
    expect(formatStatus(state, now)).toBe(text);
  });

  it("cuts ids and commands, and quotes commands", () => {
    expect(formatContainers(list.slice(2), { noTrunc: false, now })).toBe(
      `CONTAINER ID   IMAGE     COMMAND                   CREATED       STATUS                       PORTS     NAMES
aaaaaaaaaaaa   busybox   "sh -c 'echo \\"a rath…"   2 hours ago   Exited (137) 3 seconds ago             a
`,
    );
  });

  it("cuts nothing with --no-trunc", () => {
    const text = formatContainers(list.slice(2), { noTrunc: true, now });

    expect(text).toContain(list[2]!.id);
    expect(text).toContain(String.raw`"sh -c 'echo \"a rather long command\"'"`);
  });
});
