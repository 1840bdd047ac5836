/** A container by what people call it: its id, its name, or a unique start of its id. */
import { MarmitaError } from "../errors.ts";
import type { Paths } from "../store/paths.ts";
import { idOfName } from "./names.ts";
import { CONTAINER_ID, type ContainerRecord, findRecord, listIds } from "./records.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const ID_START = /^[0-9a-f]{1,64}$/;

/** `undefined` when there is none. Throws `INVALID_ARGUMENT` when more than one could be meant. */
export async function findContainer(
  paths: Paths,
  nameOrId: string,
): Promise<ContainerRecord | undefined> {
  if (CONTAINER_ID.test(nameOrId)) {
    const record = await findRecord(paths, nameOrId);
    if (record !== undefined) return record;
  }
  const named = NAME.test(nameOrId) ? idOfName(paths, nameOrId) : undefined;
  if (named !== undefined) {
    const record = await findRecord(paths, named);
    if (record?.name === nameOrId) return record;
  }
  if (!ID_START.test(nameOrId)) return undefined;
  const matches = (await listIds(paths)).filter((id) => id.startsWith(nameOrId));
  if (matches.length > 1) throw ambiguous(nameOrId, matches);
  return matches[0] === undefined ? undefined : findRecord(paths, matches[0]);
}

export function noSuchContainer(nameOrId: string): MarmitaError {
  return new MarmitaError("NOT_FOUND", `no such container: ${nameOrId}`, {
    details: { container: nameOrId },
  });
}

function ambiguous(start: string, matches: readonly string[]): MarmitaError {
  const shown = matches.slice(0, 3).map((id) => id.slice(0, Math.max(12, start.length + 1)));
  const more = matches.length > shown.length ? ", …" : "";
  return new MarmitaError(
    "INVALID_ARGUMENT",
    `"${start}" is the start of ${matches.length} containers' ids: ${shown.join(", ")}${more}`,
    { details: { matches } },
  );
}
