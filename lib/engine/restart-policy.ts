/** When a container is started again by its keeper: Docker's policies. */
import { MarmitaError } from "../errors.ts";
import type { RestartPolicy } from "../runtime/compile-context.ts";
import { quote, wrong } from "../util/check.ts";
import { JsonReader } from "../util/json.ts";

/**
 * `on-failure` when it ends with another exit code than 0, `on-failure:3` at most three times;
 * `always` and `unless-stopped` whenever it ends by itself. The delay is 100 ms, then twice that
 * and so on up to a minute; it begins anew once the container has run for ten seconds.
 */
export type RestartOption =
  | "no"
  | "always"
  | "unless-stopped"
  | "on-failure"
  | `on-failure:${number}`;

const MAX_RETRIES = 2 ** 31 - 1;

/** `undefined` for `no`. Throws `INVALID_ARGUMENT` for what is no policy. */
export function parseRestart(text: string, option = "restart"): RestartPolicy | undefined {
  const [name = "", count, ...more] = text.split(":");
  const maxRetries = Number(count ?? 0);
  const isCount = count === undefined || (/^\d+$/.test(count) && maxRetries <= MAX_RETRIES);
  if (more.length > 0 || !isCount) throw noPolicy(option, text);
  if (name === "on-failure") return { name, maxRetries };
  if (name !== "always" && name !== "unless-stopped" && name !== "no" && name !== "") {
    throw noPolicy(option, text);
  }
  if (count !== undefined) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      `restart policy ${quote(name)} has no maximum retry count: that is of "on-failure"`,
      { details: { option } },
    );
  }
  return name === "no" || name === "" ? undefined : { name, maxRetries: 0 };
}

function noPolicy(option: string, text: string): MarmitaError {
  const policies = '"no", "always", "unless-stopped" or "on-failure[:max-retries]"';
  return wrong(option, policies, text);
}

export function restart(value: unknown, name: string): void {
  if (typeof value !== "string") throw noPolicy(name, String(value));
  parseRestart(value, name);
}

/** Out of a record. */
export function parseRestartPolicy(json: unknown, what: string): RestartPolicy {
  const fields = new JsonReader(json, what);
  const name = fields.text("name");
  if (name !== "always" && name !== "unless-stopped" && name !== "on-failure") {
    throw new MarmitaError("CORRUPT", `${what}: ${quote(name)} is no restart policy`);
  }
  return { name, maxRetries: fields.size("maxRetries") };
}

/** A container that goes when it ends cannot be started again. Throws `INVALID_ARGUMENT`. */
export function checkRestartAndRemove({
  restart: policy,
  remove,
}: {
  readonly restart?: string;
  readonly remove?: boolean;
}): void {
  if (remove !== true || policy === undefined || parseRestart(policy) === undefined) return;
  throw new MarmitaError("INVALID_ARGUMENT", 'options "restart" and "remove" exclude each other');
}
