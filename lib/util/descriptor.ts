/** Numbers that may stand for open files. */

/** Of helpers, -1 means /dev/null: nobody's own. */
export function isDescriptor(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
