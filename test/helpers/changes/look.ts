/** Everything that can be seen of a tree, from within: what two programs that show it must agree on. */

/**
 * A script that prints it, for an image of `image.ts`. Sockets are left out: no layer has them.
 * How many names a file has is told by which names share an inode: what stat says counts names
 * of lower layers too.
 */
export function lookAt(directory: string): string {
  return [
    `cd '${directory}' || exit`,
    // GNU's tools are asked for nothing here: busybox has them all.
    String.raw`find . ! -type s -exec stat -c 'stat|%n|%F|%a|%u:%g|%i|%s|%Y|%t:%T' {} +`,
    'find . -type l -exec sh -c \'for l; do echo "link|$l|$(readlink "$l")"; done\' sh {} +',
    "find . -type f -exec md5sum {} +",
    "find . ! -type s -exec change xattrs {} +",
  ].join("\n");
}

/** Its lines, sorted: inodes → which names share one, directories without their sizes. */
export function seen(text: string): readonly string[] {
  const rows = text
    .trimEnd()
    .split(/\n(?=stat\||link\||[0-9a-f]{32} {2}|\.)/)
    .map((line) => line.split("|"));
  const names = new Map<string, string[]>();
  for (const [kind, name = "", type, , , inode = ""] of rows) {
    if (kind === "stat" && type !== "directory") {
      names.set(inode, [...(names.get(inode) ?? []), name]);
    }
  }
  return rows
    .map((row) => {
      const [kind, name, type, mode, owner, inode = "", size, ...rest] = row;
      if (kind !== "stat") return row.join("|");
      const others = type === "directory" ? [] : (names.get(inode) ?? []).sort();
      const shown = type === "directory" ? "" : size;
      const same = others.length > 1 ? others.join(" = ") : "";
      return [kind, name, type, mode, owner, shown, ...rest, same].join("|");
    })
    .sort();
}
