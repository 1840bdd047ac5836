/** `user[:group]` to ids, from the texts of a root file system's own /etc/passwd and /etc/group. */
import { MarmitaError } from "../errors.ts";

/** `""` for a file that is not there. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The groups that list the user, beside its primary one. */
  readonly memberships: readonly number[];
  /** Those asked for, beside all of these. */
  readonly further: readonly number[];
  readonly home: string;
}

/** The kernel takes 65,536; this many is what the helper takes, too (native/core/passwd.h). */
const MAX_GROUPS = 1024;

/**
 * Who is meant is decided as native/core/passwd.c does it inside a container: what is all digits is
 * a number, never a name; a name is looked up and must be there; without a group, those that list
 * the user come along. `further` are names or numbers of more groups. Lines that are wrong are
 * skipped. Throws `NOT_FOUND` for a user or group that is not there.
 */
export function resolveUser(
  text: string,
  further: readonly string[],
  { passwd, group }: Accounts,
): Identity {
  const [who = "", named = ""] = text.split(":");
  const line = findUser(passwd, who === "" ? "0" : who);
  const uid = line?.uid ?? idOf(who === "" ? "0" : who);
  if (uid === undefined) throw noSuch("user", who);
  const gid = named === "" ? (line?.gid ?? 0) : groupId(group, named);
  const member = text.includes(":") ? undefined : line?.name;
  const listed = member === undefined ? [] : membershipsOf(group, member);
  const memberships = others(listed, [gid]);
  const asked = others(
    further.map((name) => groupId(group, name)),
    [gid, ...memberships],
  );
  if (memberships.length + asked.length >= MAX_GROUPS) {
    throw new MarmitaError("UNSUPPORTED", `user ${text} is in more than ${MAX_GROUPS} groups`);
  }
  return { uid, gid, memberships, further: asked, home: line?.home ?? "/" };
}

function others(ids: readonly number[], known: readonly number[]): readonly number[] {
  return [...new Set(ids)].filter((id) => !known.includes(id));
}

/** (uid_t) -1 means "leave as it is" to the kernel: no id. */
function idOf(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id < 0xffff_ffff ? id : undefined;
}

interface UserLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string | undefined;
}

/** name:password:uid:gid:gecos:home:shell */
function findUser(passwd: string, who: string): UserLine | undefined {
  const isNumber = /^\d+$/.test(who);
  for (const [name = "", , user = "", group = "", , home = ""] of linesOf(passwd)) {
    const [uid, gid] = [idOf(user), idOf(group)];
    if (uid === undefined || gid === undefined) continue;
    if (isNumber ? uid !== idOf(who) : name !== who) continue;
    return { name, uid, gid, home: home === "" ? undefined : home };
  }
  return undefined;
}

/** name:password:gid:members */
function groupId(group: string, who: string): number {
  if (/^\d+$/.test(who)) {
    const id = idOf(who);
    if (id === undefined) throw noSuch("group", who);
    return id;
  }
  for (const [name, , id = ""] of linesOf(group)) {
    const gid = idOf(id);
    if (name === who && gid !== undefined) return gid;
  }
  throw noSuch("group", who);
}

function membershipsOf(group: string, user: string): readonly number[] {
  return linesOf(group).flatMap(([, , id = "", members = ""]) => {
    const gid = idOf(id);
    return gid !== undefined && members.split(",").includes(user) ? [gid] : [];
  });
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.split(":"));
}

function noSuch(kind: "user" | "group", name: string): MarmitaError {
  return new MarmitaError("NOT_FOUND", `no ${kind} ${name} in the image`, {
    hint: `Give a number, or a name that the image's /etc/${kind === "user" ? "passwd" : "group"} has.`,
    details: { [kind]: name },
  });
}
