/** What `range` goes over. */
import { isList, isMap, isNumber, kindOf, numeric, sortedKeys } from "./values.ts";

export type Item = readonly [key: unknown, value: unknown];

/** `undefined`: there is nothing to go over. */
export function itemsOf(value: unknown): Iterable<Item> | undefined {
  if (kindOf(value) === "nothing") return [];
  if (isList(value)) return value.entries();
  if (isMap(value)) return sortedKeys(value).map((key) => [key, value.get(key)] as const);
  return kindOf(value) === "int" && isNumber(value) ? upTo(numeric(value)) : undefined;
}

/** Not all at once: somebody may leave the loop. */
function* upTo(count: number): Iterable<Item> {
  for (let at = 0; at < count; at++) yield [at, at];
}
