/** The options of a tmpfs: which of those that Docker's `--tmpfs` takes are carried out. */
import { isPropagation, parseMountOptions } from "./mount-options.ts";

/** tmpfs(5). A number may have a unit: `4k`; a size may be a part of the memory: `50%`. */
const VALUES: readonly RegExp[] = [
  /^size=\d+(?:[kmgtpe]|%)?$/i,
  /^nr_(?:inodes|blocks)=\d+[kmgtpe]?$/i,
  /^mode=0?[0-7]{1,4}$/,
  /^[ug]id=\d{1,10}$/,
  /^mpol=[a-z0-9=:,-]+$/,
  /^huge=(?:never|always|within_size|advise)$/,
];

/** Why an option is not taken; `undefined` when it is. */
export function tmpfsOptionFault(option: string): "invalid" | "unsupported" | undefined {
  if (VALUES.some((pattern) => pattern.test(option))) return undefined;
  if (isPropagation(option)) return /^r?private$/.test(option) ? undefined : "unsupported";
  try {
    const { bind, idmap, data } = parseMountOptions([option], "");
    if (bind || idmap) return "unsupported";
    return data.length === 0 ? undefined : "invalid";
  } catch {
    return "unsupported";
  }
}
