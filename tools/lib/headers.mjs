// Where the headers of the running node are.
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { execPath } from "node:process";

/** The prefix of the running node when its headers lie beside it, else undefined. */
export function headersBesideNode() {
  if (!isAbsolute(execPath)) return undefined; // without /proc Node does not know where it is
  const prefix = dirname(dirname(realpathSync(execPath)));
  return existsSync(join(prefix, "include/node/node_api.h")) ? prefix : undefined;
}
