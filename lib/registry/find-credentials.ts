/** Finds who we are to a registry, where Docker and Podman keep it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { throwIfAborted } from "../util/abort.ts";
import { said } from "../util/said.ts";
import { configHome } from "./configuration.ts";
import { type WantedCredentials, findInDocument, readDocument } from "./credential-files.ts";
import type { CredentialSource, Credentials, Environment } from "./credentials.ts";
import { AUTH_VARIABLE } from "./shown-credentials.ts";

export interface FindCredentialsOptions {
  /** The only file looked at, and it has to be there. Default: `$REGISTRY_AUTH_FILE`. */
  readonly authFile?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: the environment of this process. */
  readonly env?: Environment | undefined;
}

export interface FoundCredentials {
  readonly credentials: Credentials;
  /** The path of the file, or `DOCKER_AUTH_CONFIG`. */
  readonly source: string;
  /** `docker-credential-NAME`, where such a program had them and the file named it. */
  readonly helper?: string;
}

/**
 * Credentials from the first place that has some. Places that cannot be read and helpers that fail
 * are passed over; when nobody else has any, the first failure is thrown: `UNAVAILABLE`, `CORRUPT`, or `NOT_FOUND` for a file that was named.
 */
export async function findCredentials(
  wanted: WantedCredentials,
  options: FindCredentialsOptions = {},
): Promise<Credentials | undefined> {
  return (await lookUpCredentials(wanted, options))?.credentials;
}

/** The same, and where they were. */
export async function lookUpCredentials(
  wanted: WantedCredentials,
  options: FindCredentialsOptions = {},
): Promise<FoundCredentials | undefined> {
  const { env = process.env, authFile, signal } = options;
  const failures: unknown[] = [];
  for (const source of credentialSources(env, authFile)) {
    try {
      const document = await readDocument(source);
      if (document === undefined) continue;
      const found = await findInDocument(document, wanted, { env, signal });
      if (found !== undefined) return { ...found, source: source.name };
    } catch (error) {
      throwIfAborted(signal);
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

/** In the order in which they are asked. */
export function credentialSources(
  env: Environment,
  authFile: string | undefined,
): readonly CredentialSource[] {
  const only = namedAuthFile(env, authFile);
  if (only !== undefined) return [{ name: only, path: only, isRequired: true }];
  const variable = said(env[AUTH_VARIABLE]);
  const runtime = said(env["XDG_RUNTIME_DIR"]);
  const paths = [
    dockerConfigPath(env),
    ...(runtime === undefined ? [] : [join(runtime, "containers", "auth.json")]),
    join(configHome(env), "containers", "auth.json"),
  ];
  return [
    ...(variable === undefined ? [] : [{ name: AUTH_VARIABLE, text: variable, isRequired: false }]),
    ...paths.map((path) => ({ name: path, path, isRequired: false })),
  ];
}

/** The one file that counts, where an option or the environment names one. */
export function namedAuthFile(env: Environment, authFile: string | undefined): string | undefined {
  return authFile ?? said(env["REGISTRY_AUTH_FILE"]);
}

/** Where Docker keeps what it knows, and where a login is written. */
export function dockerConfigPath(env: Environment): string {
  return join(said(env["DOCKER_CONFIG"]) ?? join(home(env), ".docker"), "config.json");
}

function home(env: Environment): string {
  return said(env["HOME"]) ?? homedir();
}
