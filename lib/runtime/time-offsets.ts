/** `linux.timeOffsets` → the lines of /proc/PID/timens_offsets (time_namespaces(7)). */
import { MarmitaError } from "../errors.ts";
import type { TimeOffset } from "../oci/runtime-spec.ts";

const CLOCKS = ["monotonic", "boottime"];

/** "" without. Throws `INVALID_ARGUMENT` for a clock that no time namespace has its own of. */
export function timeOffsetLines(offsets: Readonly<Record<string, TimeOffset>> = {}): string {
  return Object.entries(offsets)
    .map(([clock, { secs = 0, nanosecs = 0 }]) => {
      if (CLOCKS.includes(clock)) return `${clock} ${secs} ${nanosecs}\n`;
      const field = `linux.timeOffsets[${JSON.stringify(clock)}]`;
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        `config.json: ${field}: expected a clock of ${CLOCKS.join(", ")}`,
        { details: { field } },
      );
    })
    .join("");
}
