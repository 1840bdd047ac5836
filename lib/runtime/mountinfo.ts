/** /proc/self/mountinfo: what is mounted where on this machine. */

export interface MountPoint {
  readonly path: string;
  /** "ext4" */
  readonly type: string;
  readonly isReadOnly: boolean;
  /** Mounts made below it reach its copies. */
  readonly isShared: boolean;
  /** Mounts made below what it is a copy of reach it. */
  readonly isSlave: boolean;
}

/** proc_pid_mountinfo(5). Lines that are none are skipped. */
export function parseMountinfo(text: string): readonly MountPoint[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , path, options = "", ...tags] = before.split(" ");
    const [type, , superOptions = ""] = after.split(" ");
    if (path === undefined || type === undefined || type === "") return [];
    const isReadOnly = [options, superOptions].some((words) => words.split(",").includes("ro"));
    const isShared = tags.some((tag) => tag.startsWith("shared:"));
    const isSlave = tags.some((tag) => tag.startsWith("master:"));
    return [{ path: unescape(path), type, isReadOnly, isShared, isSlave }];
  });
}

/** Spaces and the like are written in octal: `\040`. */
function unescape(path: string): string {
  if (!path.includes("\\")) return path;
  const bytes = path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => {
    return String.fromCharCode(Number.parseInt(octal, 8));
  });
  return bytes;
}

/** Whether `path` is `directory` or below it; both absolute and without links. */
export function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/** The mounts of a machine, with the questions that image `host` has. */
export class MountTable {
  readonly #mounts: readonly MountPoint[];

  constructor(mounts: readonly MountPoint[]) {
    this.#mounts = mounts;
  }

  /** What is mounted exactly there; of several the last covers the others. */
  at(path: string): MountPoint | undefined {
    return this.#mounts.findLast((mount) => mount.path === path);
  }

  /** The mount that `path` is in. */
  containing(path: string): MountPoint | undefined {
    return this.#mounts
      .filter((mount) => isWithin(path, mount.path))
      .reduce<MountPoint | undefined>(
        (best, mount) =>
          best === undefined || mount.path.length >= best.path.length ? mount : best,
        undefined,
      );
  }

  hasBelow(path: string): boolean {
    return this.#mounts.some((mount) => mount.path !== path && isWithin(mount.path, path));
  }
}
