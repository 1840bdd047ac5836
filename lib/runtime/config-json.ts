/** config.json as text. */
import { randomUUID } from "node:crypto";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";

/** What JavaScript writes for RLIM_INFINITY, 2^64 - 1, which it cannot hold: one too many. */
const LIMIT = /"(soft|hard)":18446744073709552000\b/g;

/** Quotes within a text are escaped in JSON: what looks like a member here is one. */
export function formatConfigJson(spec: RuntimeSpec): string {
  return format(spec).replaceAll(LIMIT, '"$1":18446744073709551615');
}

/** A replacer costs several times what the rest does, and few have a bigint. */
function format(spec: RuntimeSpec): string {
  try {
    return JSON.stringify(spec);
  } catch {
    return formatExact(spec);
  }
}

function formatExact(spec: RuntimeSpec): string {
  const mark = `${randomUUID()}:`; // that nobody could write
  const text = JSON.stringify(spec, (_key, value: unknown) => {
    return typeof value === "bigint" ? `${mark}${value}` : value;
  });
  return text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1");
}
