/** `eq`, `ne`, `lt`, `le`, `gt` and `ge` of templates. */
import { FunctionFault } from "./function-fault.ts";
import { isNumber, kindOf, numeric, textOf, typeName } from "./values.ts";

/** Whether `first` is one of `others`. */
export function equals(first: unknown, others: readonly unknown[]): boolean {
  if (others.length === 0) throw new FunctionFault("missing argument for comparison");
  return others.some((other) => isSame(first, other));
}

function isSame(one: unknown, other: unknown): boolean {
  const [kind, otherKind] = [kindOf(one), kindOf(other)];
  if (kind === "nothing" || otherKind === "nothing") return kind === otherKind;
  if (kind !== otherKind && !(isComplex(one) && isComplex(other))) {
    throw new FunctionFault("incompatible types for comparison");
  }
  if (isComplex(one)) {
    throw new FunctionFault(`non-comparable type ${textOf(one)}: ${typeName(one)}`);
  }
  return isNumber(one) && isNumber(other) ? numeric(one) === numeric(other) : one === other;
}

/** Below, equal, above: -1, 0, 1. */
export function compare(one: unknown, other: unknown): number {
  for (const value of [one, other]) {
    if (isComplex(value) || kindOf(value) === "nothing") {
      throw new FunctionFault("invalid type for comparison");
    }
  }
  if (kindOf(one) !== kindOf(other)) {
    throw new FunctionFault("incompatible types for comparison");
  }
  if (isNumber(one) && isNumber(other)) return Math.sign(numeric(one) - numeric(other));
  if (typeof one === "string" && typeof other === "string") {
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  }
  throw new FunctionFault("invalid type for comparison");
}

/** What Go compares with nothing but nil. */
function isComplex(value: unknown): boolean {
  return ["list", "map", "struct", "function"].includes(kindOf(value));
}
