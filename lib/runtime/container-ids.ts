/** The ids of one container's own user namespace, as config.json has them and as its plan does. */
import type { IdExtent } from "../native/helper.ts";
import type { IdMappingLine } from "../oci/runtime-spec.ts";
import { composeExtents, invertExtents } from "./id-extents.ts";
import type { IdMapping } from "./id-maps.ts";

export interface ContainerIds {
  readonly uids: readonly IdMappingLine[];
  readonly gids: readonly IdMappingLine[];
}

/** What every image but `host` gets: the ids of the mapped namespace, as they are there. */
export function mirroredIds({ uids, gids }: IdMapping): ContainerIds {
  return { uids: toSpec(uids), gids: toSpec(gids) };
}

/**
 * The caller keeps the ids it has on this machine, everything else makes room: what image `host`
 * gets, so that files show the owner they have.
 */
export function keptIds(mapping: IdMapping, caller: { uid: number; gid: number }): ContainerIds {
  if (mapping.mode === "root") {
    // All ids of this machine are there: each is itself.
    return { uids: identity(mapping.uids), gids: identity(mapping.gids) };
  }
  return {
    uids: toSpec(composeExtents(keepOne(mapping.uids, caller.uid), mapping.uids)),
    gids: toSpec(composeExtents(keepOne(mapping.gids, caller.gid), mapping.gids)),
  };
}

function identity(extents: readonly IdExtent[]): readonly IdMappingLine[] {
  return extents.map(({ outside, size }) => ({ containerID: outside, hostID: outside, size }));
}

/** Mapped id 0 as `id`; 1, 2, … as 0, 1, … below it, and from `id` + 1 on as themselves. */
function keepOne(extents: readonly IdExtent[], id: number): readonly IdExtent[] {
  const end = Math.max(...extents.map(({ inside, size }) => inside + size));
  const below = Math.min(id, end - 1);
  const lines = [
    { inside: 0, outside: 1, size: below },
    { inside: id, outside: 0, size: 1 },
    { inside: id + 1, outside: id + 1, size: end - id - 1 },
  ];
  return lines.filter(({ size }) => size > 0);
}

function toSpec(extents: readonly IdExtent[]): readonly IdMappingLine[] {
  return extents.map(({ inside, outside, size }) => {
    return { containerID: inside, hostID: outside, size };
  });
}

/**
 * The lines for the container's uid_map or gid_map: ids of this machine in config.json become
 * ids of the mapped namespace. Throws `INVALID_ARGUMENT` for an id that is not ours to give.
 */
export function nestedExtents(
  ids: readonly IdMappingLine[],
  mapped: readonly IdExtent[],
): readonly IdExtent[] {
  const asked = ids.map(({ containerID, hostID, size }) => {
    return { inside: containerID, outside: hostID, size };
  });
  return composeExtents(asked, invertExtents(mapped));
}
