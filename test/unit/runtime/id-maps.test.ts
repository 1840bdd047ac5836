import { describe, expect, it } from "vitest";
import {
  chooseIdMapping,
  type IdHost,
  parseGetsubids,
  parseSubordinates,
} from "../../../lib/runtime/id-maps.ts";

const ORDINARY = "CapEff:\t0000000000000000\nNoNewPrivs:\t0\n";
const EVERYTHING = "CapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n";
const DOCKER_ROOT = "CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\n";
const HOST_IDS = "         0          0 4294967295\n";

interface Given extends Partial<Omit<IdHost, "read">> {
  readonly files?: Readonly<Record<string, string>>;
}

function host({ files = {}, ...rest }: Given = {}): IdHost {
  const all: Readonly<Record<string, string>> = {
    "/proc/self/status": ORDINARY,
    "/proc/self/uid_map": HOST_IDS,
    "/proc/self/gid_map": HOST_IDS,
    "/proc/self/setgroups": "allow\n",
    "/etc/subuid": "ana:100000:65536\n",
    "/etc/subgid": "ana:200000:65536\n",
    ...files,
  };
  return {
    uid: 1500,
    gid: 1501,
    userName: "ana",
    read: async (path) => all[path],
    hasProgram: async () => true,
    getsubids: async () => undefined,
    ...rest,
  };
}

describe("chooseIdMapping", () => {
  it("maps the caller to root and the subordinate ids behind it", async () => {
    expect(await chooseIdMapping("auto", host())).toEqual({
      mode: "subids",
      uids: [
        { inside: 0, outside: 1500, size: 1 },
        { inside: 1, outside: 100_000, size: 65_536 },
      ],
      gids: [
        { inside: 0, outside: 1501, size: 1 },
        { inside: 1, outside: 200_000, size: 65_536 },
      ],
      setgroups: true,
    });
  });

  it("puts several ranges one behind the other", async () => {
    const files = { "/etc/subuid": "ana:100000:1000\nbob:1:5\n1500:300000:65536\n" };

    const { uids } = await chooseIdMapping("auto", host({ files }));

    expect(uids).toEqual([
      { inside: 0, outside: 1500, size: 1 },
      { inside: 1, outside: 100_000, size: 1000 },
      { inside: 1001, outside: 300_000, size: 65_536 },
    ]);
  });

  it("leaves the caller's own id out of its ranges, and what they share", async () => {
    const files = { "/etc/subuid": "ana:1000:1000\nana:1800:400\n" };

    const { uids } = await chooseIdMapping("auto", host({ files }));

    expect(uids).toEqual([
      { inside: 0, outside: 1500, size: 1 },
      { inside: 1, outside: 1000, size: 500 },
      { inside: 501, outside: 1501, size: 499 },
      { inside: 1000, outside: 2000, size: 200 },
    ]);
  });

  it("says when the ranges are too small for common images", async () => {
    const files = { "/etc/subuid": "ana:100000:100\n" };

    const mapping = await chooseIdMapping("auto", host({ files }));

    expect(mapping).toMatchObject({
      mode: "subids",
      reason: "only 100 subordinate ids: images use up to 65535",
    });
  });

  it("asks getsubids where the files have nothing", async () => {
    const files = { "/etc/subuid": "", "/etc/subgid": "" };
    const getsubids = async () => "0: ana 500000 65536\n";

    const { uids, gids } = await chooseIdMapping("auto", host({ files, getsubids }));

    expect([uids[1], gids[1]]).toEqual(
      Array(2).fill({ inside: 1, outside: 500_000, size: 65_536 }),
    );
  });

  it.each([
    ["there is no range", { files: { "/etc/subuid": "" } }, "usermod --add-subuids"],
    ["there is no range of groups", { files: { "/etc/subgid": "" } }, "usermod --add-subgids"],
    ["the helpers are missing", { hasProgram: async () => false }, "newuidmap is not installed"],
    [
      "setuid programs have no effect",
      { files: { "/proc/self/status": "CapEff:\t0\nNoNewPrivs:\t1\n" } },
      "no_new_privs",
    ],
  ])("maps one id where %s, and says so", async (_, given, reason) => {
    expect(await chooseIdMapping("auto", host(given))).toEqual({
      mode: "single",
      uids: [{ inside: 0, outside: 1500, size: 1 }],
      gids: [{ inside: 0, outside: 1501, size: 1 }],
      setgroups: false,
      reason: expect.stringContaining(reason),
    });
  });

  it("takes every id of its namespace, line by line, where capabilities allow", async () => {
    const map = "0 1500 1\n1 100000 65536\n";
    const files = {
      "/proc/self/status": DOCKER_ROOT,
      "/proc/self/uid_map": map,
      "/proc/self/gid_map": map,
    };

    const mapping = await chooseIdMapping("auto", host({ uid: 0, gid: 0, files }));

    expect(mapping).toEqual({
      mode: "root",
      uids: [
        { inside: 0, outside: 0, size: 1 },
        { inside: 1, outside: 1, size: 65_536 },
      ],
      gids: [
        { inside: 0, outside: 0, size: 1 },
        { inside: 1, outside: 1, size: 65_536 },
      ],
      setgroups: true,
    });
  });

  it("keeps a capable caller that is not root as root inside", async () => {
    const files = { "/proc/self/status": EVERYTHING };

    const { uids } = await chooseIdMapping("auto", host({ files }));

    expect(uids).toEqual([
      { inside: 1500, outside: 0, size: 1 },
      { inside: 1, outside: 1, size: 1499 },
      { inside: 0, outside: 1500, size: 1 },
      { inside: 1501, outside: 1501, size: 4_294_965_794 },
    ]);
  });

  it("maps one id in a namespace that has no more", async () => {
    const files = {
      "/proc/self/status": EVERYTHING,
      "/proc/self/uid_map": "0 1500 1\n",
      "/proc/self/gid_map": "0 1500 1\n",
    };

    const mapping = await chooseIdMapping("auto", host({ uid: 0, gid: 0, files }));

    expect(mapping.mode).toBe("single");
  });

  it("does not hope for setgroups where an outer namespace denies it", async () => {
    const files = { "/proc/self/setgroups": "deny\n" };

    expect((await chooseIdMapping("auto", host({ files }))).setgroups).toBe(false);
  });

  it("maps one id when that is asked for", async () => {
    expect((await chooseIdMapping("single", host())).mode).toBe("single");
  });
});

describe("parseSubordinates", () => {
  it.each([
    ["a comment", "# ana:1:2"],
    ["a line cut short", "ana:100000"],
    ["words for numbers", "ana:many:65536"],
    ["a fourth field", "ana:1:2:3"],
    ["somebody else", "anabela:100000:65536"],
  ])("skips %s", (_, line) => {
    const text = `${line}\nana:7:8\n`;

    expect(parseSubordinates(text, { uid: 1500, userName: "ana" })).toEqual([
      { start: 7, size: 8 },
    ]);
  });
});

describe("parseGetsubids", () => {
  it("reads every range and no error message", () => {
    const text = "0: ana 100000 65536\n1: ana 300000 10\nError fetching ranges\n";

    expect(parseGetsubids(text)).toEqual([
      { start: 100_000, size: 65_536 },
      { start: 300_000, size: 10 },
    ]);
  });
});
