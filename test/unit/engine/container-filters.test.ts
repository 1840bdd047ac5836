import { describe, expect, it } from "vitest";
import {
  byAge,
  type ContainerFilters,
  containerTest,
  type Filterable,
  idTest,
  isOfLiveOnly,
  parsePorts,
} from "../../../lib/engine/container-filters.ts";
import type { EngineContext } from "../../../lib/engine/context.ts";
import type { ContainerState } from "../../../lib/engine/state.ts";

const RUNNING: ContainerState = { status: "running", startedAt: "2024-01-01T11:59:30Z" };

function container(letter: string, fields: Partial<Filterable> = {}): Filterable {
  return {
    id: letter.repeat(64),
    name: `${letter}_box`,
    createdAt: "2024-01-01T10:00:00Z",
    image: { name: "busybox", id: `sha256:${"1".repeat(64)}`, layers: [] },
    command: ["true"],
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
    state: RUNNING,
    ...fields,
  };
}

const nobody = {} as EngineContext;

async function passes(filters: ContainerFilters, one: Filterable): Promise<boolean> {
  return (await containerTest(nobody, filters))(one);
}

describe("a filter of containers", () => {
  const web = container("a", {
    name: "web-1",
    labels: { app: "shop", tier: "" },
    mounts: [
      { type: "volume", source: "data", target: "/srv" },
      { type: "bind", source: "/home/ana", target: "/home" },
      { type: "tmpfs", target: "/tmp" },
    ],
    inherited: { ExposedPorts: { "80/tcp": {}, "53/udp": {} } },
  });
  const ended = container("b", { state: { status: "exited", exitCode: 3 } });

  it.each<[ContainerFilters, boolean]>([
    [{}, true],
    [{ names: ["web"] }, true],
    [{ names: ["^/web"] }, true],
    [{ names: ["eb-\\d$"] }, true],
    [{ names: ["nothing", "^web-1$"] }, true],
    [{ names: ["^eb"] }, false],
    [{ labels: ["app"] }, true],
    [{ labels: ["app=shop", "tier="] }, true],
    [{ labels: ["app=shop", "other"] }, false],
    [{ labels: ["constructor"] }, false],
    [{ statuses: ["running"] }, true],
    [{ statuses: ["created", "exited"] }, false],
    [{ running: true }, true],
    [{ exitCodes: [0] }, false],
    [{ volumes: ["data"] }, true],
    [{ volumes: ["/srv"] }, true],
    [{ volumes: ["/home/ana"] }, true],
    [{ volumes: ["/tmp"] }, true],
    [{ volumes: ["/"] }, false],
    [{ networks: ["bridge"] }, true],
    [{ networks: ["host"] }, false],
    [{ networks: ["host", "private"] }, true],
    [{ exposed: ["80"] }, true],
    [{ exposed: ["70-90/tcp"] }, true],
    [{ exposed: ["80/udp"] }, false],
    [{ exposed: ["443", "53/udp"] }, true],
    [{ names: ["web"], labels: ["app"], statuses: ["exited"] }, false],
  ])("%j passes what it should: %s", async (filters, expected) => {
    expect(await passes(filters, web)).toBe(expected);
  });

  it.each<[ContainerFilters, boolean]>([
    [{ exitCodes: [3] }, true],
    [{ exitCodes: [0, 3] }, true],
    [{ exitCodes: [0] }, false],
    [{ running: true }, false],
  ])("of one that has ended, %j: %s", async (filters, expected) => {
    expect(await passes(filters, ended)).toBe(expected);
  });

  it("by id asks for its start", () => {
    expect(idTest({})(web.id)).toBe(true);
    expect(idTest({ ids: ["b", "aaa"] })(web.id)).toBe(true);
    expect(idTest({ ids: ["b", ""] })(web.id)).toBe(false);
  });

  it("that wants what runs need not look at the rest", () => {
    expect(isOfLiveOnly({ running: true })).toBe(true);
    expect(isOfLiveOnly({ statuses: ["running"] })).toBe(true);
    expect(isOfLiveOnly({ statuses: ["running", "exited"] })).toBe(false);
    expect(isOfLiveOnly({ statuses: [] })).toBe(false);
  });

  it.each([["("], ["[z-a]"]])("refuses the pattern %s", async (pattern) => {
    await expect(containerTest(nobody, { names: [pattern] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it.each([["80:80"], ["90-80"], ["65536"], ["x"], [""], ["80/icmp"]])(
    "refuses the port %j",
    (text) => {
      expect(() => parsePorts(text)).toThrow(/expected a port/);
    },
  );
});

describe("the order of containers", () => {
  it("is the newest first, and the same each time for those made at once", () => {
    const older = container("c", { createdAt: "2023-01-01T10:00:00Z" });
    const [one, other] = [container("a"), container("b")];

    expect([older, one, other].sort(byAge)).toEqual([other, one, older]);
    expect([other, older, one].sort(byAge)).toEqual([other, one, older]);
    expect(byAge(one, one)).toBe(0);
  });
});
