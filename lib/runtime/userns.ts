/** `userns`: which ids of this machine a container's are. */
import { MarmitaError } from "../errors.ts";
import { keptIds } from "./container-ids.ts";
import type { IdMapping } from "./id-maps.ts";

/** Who the caller is inside. */
export interface KeptIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * `undefined` for what every container has: root is the caller. Throws `INVALID_ARGUMENT`, and
 * `UNSUPPORTED` for what Podman has and we have not, with the reason as its hint.
 */
export function parseUserns(text: string, caller: KeptIds): KeptIds | undefined {
  if (["auto", "host", "private", ""].includes(text)) return undefined;
  const [, options] = /^keep-id(?::(.*))?$/s.exec(text) ?? [];
  if (text === "keep-id" || options !== undefined) return keptBy(options ?? "", text, caller);
  const why = REFUSED.find(([pattern]) => pattern.test(text))?.[1];
  if (why === undefined) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `expected "userns" to be "auto", "host" or "keep-id", got ${JSON.stringify(text)}`,
      { details: { option: "userns" } },
    );
  }
  throw unsupportedUserns(text, why);
}

const REFUSED: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^nomap$/, "A container without the ids of its caller could not read its own files."],
  [/^auto:/, "All containers of a user have the same range of ids."],
  [/^(?:ns|container):/, "Those whose network, pid or ipc namespace is joined share that one too."],
];

function keptBy(options: string, text: string, { uid, gid }: KeptIds): KeptIds {
  const kept = { uid, gid };
  for (const option of options.split(",").filter((word) => word !== "")) {
    const [, name, id] = /^(uid|gid)=(\d{1,9})$/.exec(option) ?? [];
    if (option.startsWith("size="))
      throw unsupportedUserns(text, "All ids that there are are mapped.");
    if (name === "uid") kept.uid = Number(id);
    else if (name === "gid") kept.gid = Number(id);
    else {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        `expected keep-id:uid=N,gid=N, got ${JSON.stringify(text)}`,
        { details: { option: "userns" } },
      );
    }
  }
  return kept;
}

export function unsupportedUserns(text: string, hint: string): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `userns ${JSON.stringify(text)} is not supported`, {
    hint,
    details: { option: "userns", value: text },
  });
}

/**
 * The mapped namespace in which the caller is somebody else than root. Throws `UNSUPPORTED` where
 * there is no such id, and for root of this machine, whose containers have every id as it is.
 */
export function keptMapping(mapping: IdMapping, kept: KeptIds): IdMapping {
  if (mapping.mode === "root") {
    throw unsupportedUserns(
      "keep-id",
      "To root of this machine each id in a container is itself already.",
    );
  }
  const { uids, gids } = keptIds(mapping, kept);
  return { ...mapping, uids: uids.map(extent), gids: gids.map(extent) };
}

function extent(line: { containerID: number; hostID: number; size: number }) {
  return { inside: line.containerID, outside: line.hostID, size: line.size };
}
