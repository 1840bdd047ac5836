/** The directory that holds the state of containers made of bundles: /run, or a user's part of it. */
import { accessSync, constants, lstatSync, mkdirSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";

export interface StateRootOption {
  /**
   * The directory of their state. Default: `/run/marmita-runtime` where /run may be written to, else
   * `$XDG_RUNTIME_DIR/marmita-runtime`, else `/tmp/marmita-runtime-UID`.
   */
  readonly root?: string | undefined;
}

const NAME = "marmita-runtime";

/** What the choice depends on. Tests hand in their own. */
export interface StateRootHost {
  readonly uid: number;
  readonly runtimeDirectory: string | undefined;
  isWritable(directory: string): boolean;
}

/** Where it is, whether or not it is there. */
export function chooseStateRoot(
  { root }: StateRootOption = {},
  host: StateRootHost = thisHost(),
): string {
  if (root !== undefined) return resolve(root);
  if (host.isWritable("/run")) return join("/run", NAME);
  const { runtimeDirectory = "" } = host;
  if (isAbsolute(runtimeDirectory)) return join(runtimeDirectory, NAME);
  return `/tmp/${NAME}-${host.uid}`;
}

function thisHost(): StateRootHost {
  return {
    uid: process.geteuid?.() ?? 0,
    runtimeDirectory: process.env["XDG_RUNTIME_DIR"],
    isWritable: (directory) => {
      try {
        accessSync(directory, constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
  };
}

/**
 * Make it, for its owner alone. One that was there must be ours, and not be writable for others: whoever
 * may write there says which process is whose container. Throws `UNAVAILABLE`.
 */
export function makeStateRoot(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const errno = errnoOf(cause);
    const why = errnoWords(errno ?? "EIO");
    throw new MarmitaError("UNAVAILABLE", `cannot make the state directory ${root}: ${why}`, {
      syscall: "mkdir",
      errno,
      hint: "Name another one with `root` (on the command line: --root).",
      cause,
      details: { path: root },
    });
  }
  checkStateRoot(root);
}

/** Throws `UNAVAILABLE` for a directory of somebody else; one that is not there is fine. */
export function checkStateRoot(root: string): void {
  const fault = faultOf(root);
  if (fault === undefined) return;
  throw new MarmitaError("UNAVAILABLE", `the state directory ${root} ${fault}`, {
    hint: "Name another one with `root` (on the command line: --root).",
    details: { path: root },
  });
}

function faultOf(root: string): string | undefined {
  const place = lstatSync(root, { throwIfNoEntry: false });
  if (place === undefined) return undefined;
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (place.isSymbolicLink() && ![uid, 0].includes(place.uid)) return "is a link of somebody else";
  const found = place.isSymbolicLink() ? statSync(root, { throwIfNoEntry: false }) : place;
  if (found?.isDirectory() !== true) return "is not a directory";
  if (found.uid !== uid) return `belongs to user ${found.uid}, not to us`;
  const isOpen = (found.mode & 0o002) !== 0 || ((found.mode & 0o020) !== 0 && found.gid !== gid);
  return isOpen ? "may be written to by others" : undefined;
}
