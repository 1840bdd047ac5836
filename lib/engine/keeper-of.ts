/** The keeper of a container, over its socket. */
import { join } from "node:path";
import {
  type ConnectOptions,
  type KeeperConnection,
  connectKeeper,
} from "../runtime/keeper-socket.ts";
import type { EngineContext } from "./context.ts";
import type { ContainerRecord } from "./records.ts";

/** `undefined` when it does not run, or when its keeper could not make a socket. */
export function keeperOf(
  { paths }: Pick<EngineContext, "paths">,
  { id }: Pick<ContainerRecord, "id">,
  options: ConnectOptions = {},
): Promise<KeeperConnection | undefined> {
  return connectKeeper(join(paths.container(id), "socket"), options);
}
