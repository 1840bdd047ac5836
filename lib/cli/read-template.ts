/** A template given to `inspect` or `version`: what is none has an exit code of its own, as in Docker. */
import { isMarmitaError } from "../errors.ts";
import { UsageError } from "./usage.ts";

const EXIT_NO_TEMPLATE = 64;

/** Throws `UsageError` where `read` throws `INVALID_ARGUMENT`. */
export function readTemplate<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isMarmitaError(error, "INVALID_ARGUMENT")) throw error;
    const { message, hint } = error;
    throw new UsageError(message, { exitCode: EXIT_NO_TEMPLATE, form: "refusal", hint });
  }
}
