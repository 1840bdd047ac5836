/** The text of a config.json → its value, checked property by property (runtime-spec 1.2, Linux). */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { parseExactJson } from "./json-numbers.ts";
import type { Hooks, Process, RuntimeSpec } from "./runtime-spec.ts";
import { wrongAt } from "./shapes.ts";
import { hooksShape, processShape, runtimeSpec } from "./spec-shapes.ts";

/** Larger than anybody's; the same is done for plans. */
const MAX_BYTES = 8 << 20;

/** Semantic Versioning 2.0.0, with its major number. */
const VERSION =
  /^(0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Throws `INVALID_ARGUMENT` where a property has no value that the specification gives it, with its
 * path as `details.field` (`process.rlimits[0].soft`), and `UNSUPPORTED` for a version of the
 * specification before 1.0.0 or after 1. What the specification does not know is passed over, as it
 * wants it (config.md, "Extensibility"); empty texts and `null` count as absent.
 */
export function parseRuntimeSpec(config: string | Uint8Array): RuntimeSpec {
  const json = parse(decode(config));
  checkVersion(json);
  return runtimeSpec.read({ json, path: "" });
}

/** Of a configuration that was read before, whatever else is in it. Throws `INVALID_ARGUMENT`. */
export function parseHooks(text: string): Hooks {
  return hooksShape.read({ json: parse(text), path: "" }).hooks ?? {};
}

/**
 * The text of a `process` of its own, as `exec --process` is given one; `what` names it in errors.
 * Throws as `parseRuntimeSpec()`.
 */
export function parseProcess(text: string | Uint8Array, what: string): Process {
  try {
    return processShape.read({ json: parse(decode(text)), path: "" });
  } catch (error) {
    throw told(error, (message) => message.replace("config.json", () => what));
  }
}

/** The same of a value, which is no text. What is thrown has these details, too. */
export function readProcess(json: unknown, details: { readonly option: string }): Process {
  try {
    return processShape.read({ json, path: "process" });
  } catch (error) {
    throw told(error, (message) => message.replace("config.json: ", ""), details);
  }
}

function told(error: unknown, retell: (message: string) => string, more: object = {}): unknown {
  if (!isMarmitaError(error)) return error;
  const { code, message, details, cause, hint } = error;
  return new MarmitaError(code, retell(message), { cause, hint, details: { ...details, ...more } });
}

function decode(config: string | Uint8Array): string {
  const size = typeof config === "string" ? Buffer.byteLength(config) : config.length;
  if (size > MAX_BYTES) throw wrong(`is longer than ${MAX_BYTES >> 20} MiB`);
  if (typeof config === "string") return config;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(config);
  } catch (cause) {
    throw wrong("is no UTF-8", cause);
  }
}

function parse(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (cause) {
    throw wrong(`is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function wrong(what: string, cause?: unknown): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `config.json ${what}`, {
    cause,
    details: { field: "" },
  });
}

/** Before all else: what another version says may mean something else. */
function checkVersion(json: unknown): void {
  const version = (json as { ociVersion?: unknown } | null)?.ociVersion;
  if (typeof version !== "string" || version === "") return; // as of any other property
  const major = VERSION.exec(version)?.[1];
  if (major === undefined) {
    throw wrongAt({ json: version, path: "ociVersion" }, 'be a version as in "1.2.0"');
  }
  if (major === "1") return;
  const message = `config.json: ociVersion ${JSON.stringify(version)} is not supported`;
  throw new MarmitaError("UNSUPPORTED", message, {
    hint: "Versions 1.x of the OCI runtime specification are.",
    details: { field: "ociVersion", value: version },
  });
}
