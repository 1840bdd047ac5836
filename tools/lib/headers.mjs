// Where the headers of the running node are.
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { execPath } from "node:process";

/** The prefix of the running node when its headers lie beside it, else undefined. */
export function headersBesideNode() {
  const prefix = dirname(dirname(realpathSync(execPath)));
  return existsSync(join(prefix, "include/node/node_api.h")) ? prefix : undefined;
}
