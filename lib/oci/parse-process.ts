/** The text of a `process` of its own, as `exec --process` is given one. */
import { MarmitaError } from "../errors.ts";
import { isJsonObject } from "../util/json.ts";
import type { Process } from "./runtime-spec.ts";

/** Throws `INVALID_ARGUMENT`; `what` names it. */
export function parseProcess(text: Uint8Array, what: string): Process {
  const json: unknown = JSON.parse(new TextDecoder().decode(text));
  if (isJsonObject(json)) return json as unknown as Process;
  throw new MarmitaError("INVALID_ARGUMENT", `${what} is no process`);
}
