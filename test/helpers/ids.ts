/** Which ids the user who runs the tests can map. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** Why outside programs cannot map a range of ids for this user; undefined when they can. */
export function subordinateIdsFault(): string | undefined {
  const { username, uid } = userInfo();
  const listed = ["/etc/subuid", "/etc/subgid"].every((path) =>
    lines(path).some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`)),
  );
  return listed ? undefined : `${username} has no subordinate ids in /etc/subuid and /etc/subgid`;
}

function lines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
