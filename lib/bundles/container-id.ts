/** Ids of containers made of bundles: names that their creator chose. */
import { MarmitaError } from "../errors.ts";
import { quote } from "../util/check.ts";

/** As runc and crun take them; longer than a file's name may be is refused by the file system. */
const ID = /^[A-Za-z0-9_+.-]{1,1024}$/;

/** An id is a directory's name: throws `INVALID_ARGUMENT` for what would be another place. */
export function checkContainerId(id: unknown): asserts id is string {
  if (typeof id === "string" && ID.test(id) && id !== "." && id !== "..") return;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `${quote(shortened(id))} cannot be the id of a container`,
    {
      hint: "An id has the characters A-Z a-z 0-9 _ + - and . only, is not . or .., and as a name of a file has at most 255.",
      details: { option: "id" },
    },
  );
}

/** Enough of it to know it by. */
function shortened(id: unknown): unknown {
  return typeof id === "string" && id.length > 64 ? `${id.slice(0, 64)}…` : id;
}

export function isContainerId(name: string): boolean {
  return ID.test(name) && name !== "." && name !== "..";
}
