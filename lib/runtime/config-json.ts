/** config.json as text. */
import type { RuntimeSpec } from "../oci/runtime-spec.ts";

/** What JavaScript writes for RLIM_INFINITY, 2^64 - 1, which it cannot hold: one too many. */
const LIMIT = /"(soft|hard)":18446744073709552000\b/g;

/** Quotes within a text are escaped in JSON: what looks like a member here is one. */
export function formatConfigJson(spec: RuntimeSpec): string {
  return JSON.stringify(spec).replaceAll(LIMIT, '"$1":18446744073709551615');
}
