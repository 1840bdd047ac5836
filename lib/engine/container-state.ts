/** The state of a container: looked up, and put right where its keeper was killed. */
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { findHealth } from "./health.ts";
import { lookAtLive } from "./live.ts";
import { type ContainerRecord, findExit, findRecord } from "./records.ts";
import { type ContainerState, deriveState } from "./state.ts";
import { endingOf, sweepOne } from "./sweep.ts";

/** `alive`: what there was in live/ a moment ago, for whoever looks at many containers. */
export async function stateOf(
  context: EngineContext,
  record: ContainerRecord,
  alive?: ReadonlySet<string>,
): Promise<ContainerState> {
  const state = await bareStateOf(context, record, alive);
  if (state.status === "created") return state;
  const health = await findHealth(context.paths, record);
  if (health === undefined) return state;
  // Nobody checks it any more: as in Docker it is not well then.
  return { ...state, health: state.status === "exited" ? "unhealthy" : health.status };
}

async function bareStateOf(
  context: EngineContext,
  { id, name }: ContainerRecord,
  alive?: ReadonlySet<string>,
): Promise<ContainerState> {
  const { paths } = context;
  const exit = await findExit(paths, id);
  if (exit !== undefined || alive?.has(id) === false) return deriveState({ exit, live: undefined });
  const live = lookAtLive(paths, id);
  if (live?.isHeld === true) return deriveState({ exit, live: live.content });
  // It may have ended, or been removed, since we looked; or died with its keeper.
  const ending = live === undefined ? undefined : endingOf(live.content);
  if (live !== undefined) await sweepOne(context, id).catch(() => undefined); // the next one's, then
  if ((await findRecord(paths, id)) === undefined) throw noSuchContainer(name);
  return deriveState({ exit: (await findExit(paths, id)) ?? ending, live: undefined });
}
