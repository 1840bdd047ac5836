/** Lists of id ranges, as /proc/PID/uid_map has them: read, invert, compose. */
import { MarmitaError } from "../errors.ts";
import type { IdExtent } from "../native/helper.ts";

/** No id; also the end of the id space. */
const INVALID_ID = 0xffff_ffff;

/** Parse /proc/self/uid_map. Lines that are none are skipped. */
export function parseExtents(text: string): readonly IdExtent[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line);
    if (match === null) return [];
    return [{ inside: Number(match[1]), outside: Number(match[2]), size: Number(match[3]) }];
  });
}

export function invertExtents(extents: readonly IdExtent[]): readonly IdExtent[] {
  return extents.map(({ inside, outside, size }) => ({ inside: outside, outside: inside, size }));
}

/**
 * What `extents` map to, seen through `outer`: their outside ids are ids inside of `outer`.
 * No line of the result spans two of `outer`, which the kernel would refuse.
 * Throws `INVALID_ARGUMENT` for an id that `outer` does not have.
 */
export function composeExtents(
  extents: readonly IdExtent[],
  outer: readonly IdExtent[],
): readonly IdExtent[] {
  return extents.flatMap((extent) => composeOne(extent, outer));
}

function composeOne(extent: IdExtent, outer: readonly IdExtent[]): readonly IdExtent[] {
  const lines: IdExtent[] = [];
  let { inside, outside, size } = extent;
  while (size > 0) {
    const from = outside;
    const line = outer.find((one) => from >= one.inside && from < one.inside + one.size);
    if (line === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", `id ${from} is not mapped here`, {
        details: { id: from },
      });
    }
    const part = Math.min(size, line.inside + line.size - from);
    lines.push({ inside, outside: line.outside + (from - line.inside), size: part });
    inside += part;
    outside += part;
    size -= part;
  }
  return lines;
}

export function countIds(extents: readonly IdExtent[]): number {
  return extents.reduce((sum, { size }) => sum + size, 0);
}

/** Both ids of `extents` changed places with id 0, line by line: the caller becomes root inside. */
export function swapWithRoot(extents: readonly IdExtent[], id: number): readonly IdExtent[] {
  if (id === 0) return extents;
  const swapped = splitAt(splitAt(splitAt(splitAt(extents, 0), 1), id), id + 1);
  return swapped.map((extent) => {
    if (extent.inside === 0) return { ...extent, inside: id };
    return extent.inside === id ? { ...extent, inside: 0 } : extent;
  });
}

/** The same map with a line beginning at `id`, where it holds that id. */
function splitAt(extents: readonly IdExtent[], id: number): readonly IdExtent[] {
  return extents.flatMap((extent) => {
    const { inside, outside, size } = extent;
    if (id <= inside || id >= inside + size) return [extent];
    const first = id - inside;
    return [
      { inside, outside, size: first },
      { inside: id, outside: outside + first, size: size - first },
    ];
  });
}

/** A range of ids without a place inside yet. */
export interface IdRange {
  readonly start: number;
  readonly size: number;
}

/** The ranges without `id` and without what an earlier one has: a map may hold no id twice. */
export function distinctRanges(ranges: readonly IdRange[], id: number): readonly IdRange[] {
  const taken: IdRange[] = [{ start: id, size: 1 }];
  const distinct: IdRange[] = [];
  for (const range of ranges) {
    const size = Math.min(range.size, INVALID_ID - range.start);
    if (size <= 0) continue;
    const rest = taken.reduce((parts, one) => parts.flatMap((part) => without(part, one)), [
      { start: range.start, size },
    ] as readonly IdRange[]);
    taken.push(...rest);
    distinct.push(...rest);
  }
  return distinct;
}

function without(range: IdRange, cut: IdRange): readonly IdRange[] {
  const end = range.start + range.size;
  const before = { start: range.start, size: Math.min(cut.start, end) - range.start };
  const after = Math.max(cut.start + cut.size, range.start);
  return [before, { start: after, size: end - after }].filter(({ size }) => size > 0);
}
