/** JSON → the values of templates: which objects are maps and which lists may be nil is told by name. */
import { NIL_LIST, NIL_MAP } from "./values.ts";

export interface Shape {
  /** Fields that hold a map from names to values; all other objects are structs. */
  readonly maps: ReadonlySet<string>;
  /** Fields that hold a list, also where they are `null`. */
  readonly lists: ReadonlySet<string>;
  /** Fields that hold a text, also where they are not there. */
  readonly texts: ReadonlySet<string>;
  /** Of a struct, by the name of the field that holds it: what is there also where JSON leaves it out. */
  readonly optional: Readonly<Record<string, readonly string[]>>;
  /** Other names of fields: `ID` of what is `Id` in JSON. */
  readonly also: Readonly<Record<string, string>>;
}

/** As Go's own types would hold it. */
export function typedValue(json: unknown, shape: Shape): unknown {
  return valueOf(json, shape, "");
}

/** As Go holds JSON it knows nothing of: every object is a map. */
export function untypedValue(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(untypedValue);
  if (typeof json !== "object" || json === null) return json;
  return new Map(
    Object.entries(json).map(([key, value]: [string, unknown]) => [key, untypedValue(value)]),
  );
}

function valueOf(json: unknown, shape: Shape, field: string): unknown {
  if (json === null) {
    if (shape.lists.has(field)) return NIL_LIST;
    if (shape.texts.has(field)) return "";
    return shape.maps.has(field) ? NIL_MAP : null;
  }
  if (Array.isArray(json)) return json.map((item) => valueOf(item, shape, ""));
  if (typeof json !== "object") return json;
  const entries = Object.entries(json).map(([key, value]: [string, unknown]) => {
    return [key, valueOf(value, shape, key)] as const;
  });
  if (shape.maps.has(field)) return new Map(entries);
  const struct = withAliases(Object.fromEntries(entries), shape.also);
  for (const name of shape.optional[field] ?? []) {
    hide(struct, name, () => valueOf(null, shape, name));
  }
  return struct;
}

/** Found by these names, too, but neither printed nor in JSON. */
function withAliases(struct: object, also: Shape["also"]): object {
  for (const [alias, name] of Object.entries(also)) {
    if (Object.hasOwn(struct, name)) hide(struct, alias, () => Reflect.get(struct, name));
  }
  return struct;
}

function hide(struct: object, name: string, value: () => unknown): void {
  if (Object.hasOwn(struct, name)) return;
  Object.defineProperty(struct, name, { value: value(), enumerable: false });
}
