/** Which ids of this machine a user may give to containers, and how: /etc/subuid, root, or one. */
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import type { IdExtent } from "../native/helper.ts";
import { hasCapabilities } from "./capabilities.ts";
import {
  countIds,
  distinctRanges,
  type IdRange,
  parseExtents,
  swapWithRoot,
} from "./id-extents.ts";

/**
 * The ids of the mapped namespace. `inside` is what layers and containers see, 0 always the
 * caller's own id; `outside` is an id as seen from here.
 */
export interface IdMapping {
  /** `subids`: by newuidmap. `root`: every id there is, written directly. `single`: the own one. */
  readonly mode: "subids" | "root" | "single";
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
  /** Whether a process in there may change its supplementary groups. */
  readonly setgroups: boolean;
  /** Why it is not more, a sentence for people. */
  readonly reason?: string;
}

/** What the choice depends on. Tests hand in their own. */
export interface IdHost {
  readonly uid: number;
  readonly gid: number;
  /** Absent for a uid without a name. */
  readonly userName?: string | undefined;
  /** `undefined` for a file that is not there. */
  read(path: string): Promise<string | undefined>;
  /** Whether PATH has this program. */
  hasProgram(name: string): Promise<boolean>;
  /** What `getsubids` prints: ranges that come from LDAP or SSSD. */
  getsubids(kind: IdKind): Promise<string | undefined>;
}

type IdKind = "uid" | "gid";

/** The most lines that are used: the kernel takes 340, in one write of less than a page. */
const MAX_RANGES = 48;
/** With fewer, images whose files belong to `nobody` (65534) lose owners. */
const USUAL_RANGE = 65_535;

export async function chooseIdMapping(
  ids: "auto" | "subids" | "single" = "auto",
  host: IdHost = thisHost(),
): Promise<IdMapping> {
  if (ids === "single") return singleMapping(host, "one id was asked for");

  const status = (await host.read("/proc/self/status")) ?? "";
  // By capability, not by uid: root in a container may lack them, and a user namespace's has them.
  // SETFCAP is what mapping id 0 takes since Linux 5.12.
  const mayWrite = hasCapabilities(status, ["CAP_SETUID", "CAP_SETGID", "CAP_SETFCAP"]);
  if (mayWrite && ids === "auto") return rootMapping(host);
  if (/^NoNewPrivs:\s*1$/m.test(status)) {
    return singleMapping(
      host,
      "no_new_privs is set for this process, so newuidmap cannot gain the right to map ids",
    );
  }
  return subordinateMapping(host);
}

/** The caller's own id as id 0, and nobody else: what any user may have. */
export function singleMapping(
  { uid, gid }: Pick<IdHost, "uid" | "gid">,
  reason: string,
): IdMapping {
  return {
    mode: "single",
    uids: [{ inside: 0, outside: uid, size: 1 }],
    gids: [{ inside: 0, outside: gid, size: 1 }],
    setgroups: false,
    reason,
  };
}

async function rootMapping(host: IdHost): Promise<IdMapping> {
  const [uids, gids] = await Promise.all([ownIds(host, "uid"), ownIds(host, "gid")]);
  if (countIds(uids) <= 1 || countIds(gids) <= 1) {
    return singleMapping(host, "the user namespace this process runs in has one id only");
  }
  const setgroups = await maySetgroups(host);
  return {
    mode: "root",
    uids: swapWithRoot(uids, host.uid),
    gids: swapWithRoot(gids, host.gid),
    setgroups,
  };
}

/** Every id of the current user namespace as itself; line by line, a line may not span two. */
async function ownIds(host: IdHost, kind: IdKind): Promise<readonly IdExtent[]> {
  const extents = parseExtents((await host.read(`/proc/self/${kind}_map`)) ?? "");
  return extents
    .slice(0, MAX_RANGES)
    .map(({ inside, size }) => ({ inside, outside: inside, size }));
}

async function subordinateMapping(host: IdHost): Promise<IdMapping> {
  for (const helper of ["newuidmap", "newgidmap"]) {
    if (!(await host.hasProgram(helper))) {
      return singleMapping(
        host,
        `${helper} is not installed (Debian and Ubuntu: apt install uidmap)`,
      );
    }
  }
  const [uids, gids] = await Promise.all([subordinates(host, "uid"), subordinates(host, "gid")]);
  if (uids.length === 0) return singleMapping(host, missing(host, "uid"));
  if (gids.length === 0) return singleMapping(host, missing(host, "gid"));

  const fewest = Math.min(countIds(uids), countIds(gids)) - 1;
  return {
    mode: "subids",
    uids,
    gids,
    setgroups: await maySetgroups(host),
    ...(fewest < USUAL_RANGE && {
      reason: `only ${fewest} subordinate ids: images use up to ${USUAL_RANGE}`,
    }),
  };
}

function missing({ uid, userName }: IdHost, kind: IdKind): string {
  const who = userName ?? String(uid);
  const flag = kind === "uid" ? "--add-subuids" : "--add-subgids";
  return (
    `/etc/sub${kind} has no range of ids for ${who} ` +
    `(as root: usermod ${flag} 100000-165535 ${who})`
  );
}

/** 0 is the caller, and from 1 on the ranges follow each other; none when there are no ranges. */
async function subordinates(host: IdHost, kind: IdKind): Promise<readonly IdExtent[]> {
  const own = kind === "uid" ? host.uid : host.gid;
  const file = parseSubordinates((await host.read(`/etc/sub${kind}`)) ?? "", host);
  const ranges = file.length > 0 ? file : parseGetsubids((await host.getsubids(kind)) ?? "");
  const distinct = distinctRanges(ranges, own).slice(0, MAX_RANGES);
  if (distinct.length === 0) return [];

  const extents: IdExtent[] = [{ inside: 0, outside: own, size: 1 }];
  let inside = 1;
  for (const { start, size } of distinct) {
    extents.push({ inside, outside: start, size });
    inside += size;
  }
  return extents;
}

/** `/etc/subuid`: `name-or-uid:start:count`. Lines of others and malformed ones are skipped. */
export function parseSubordinates(
  text: string,
  { uid, userName }: Pick<IdHost, "uid" | "userName">,
): readonly IdRange[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([^:#]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line);
    if (match === null || (match[1] !== userName && match[1] !== String(uid))) return [];
    return [{ start: Number(match[2]), size: Number(match[3]) }];
  });
}

/** `getsubids`: lines of `0: name 100000 65536`. */
export function parseGetsubids(text: string): readonly IdRange[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\d+:\s+\S+\s+(\d{1,10})\s+(\d{1,10})\s*$/.exec(line);
    return match === null ? [] : [{ start: Number(match[1]), size: Number(match[2]) }];
  });
}

/** Denied once in a user namespace, setgroups(2) stays denied in all below it. */
async function maySetgroups(host: IdHost): Promise<boolean> {
  return (await host.read("/proc/self/setgroups"))?.trim() !== "deny";
}

function thisHost(): IdHost {
  const userName = nameOfUser();
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    userName,
    read: (path) => readFile(path, "utf8").catch(() => undefined),
    hasProgram: async (name) => (await findProgram(name)) !== undefined,
    // Forks, which blocks a big process for a while: only asked when the files have nothing.
    getsubids: async (kind) => {
      if (userName === undefined || (await findProgram("getsubids")) === undefined)
        return undefined;
      const args = kind === "uid" ? [userName] : ["-g", userName];
      const { execFile } = await import("node:child_process"); // 2 ms that few need
      return promisify(execFile)("getsubids", args, { timeout: 10_000 }).then(
        ({ stdout }) => stdout,
        () => undefined,
      );
    },
  };
}

/** Where PATH has an executable file of this name. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

function nameOfUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined; // a uid without an entry in the user database
  }
}
