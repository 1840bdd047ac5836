/** Credentials that a registry was shown and that did not do: where they are, never what they are. */
import { DOCKER_HUB } from "./configuration.ts";

/** Given by the caller. */
export const GIVEN = "auth";
/** A document of credentials in a variable: it counts before all files. */
export const AUTH_VARIABLE = "DOCKER_AUTH_CONFIG";

export interface ShownCredentials {
  /** The path of a file, `docker-credential-NAME`, `DOCKER_AUTH_CONFIG` or `auth`. */
  readonly source: string;
  /** The only file that was to be looked into, where one was named. */
  readonly authFile?: string | undefined;
  /** They were exchanged for a token: that they are right is known, and it does not suffice. */
  readonly areRight: boolean;
}

/** What a 401 means to whoever has shown them. */
export function shownWords({ source, areRight }: ShownCredentials): string {
  const which = source === GIVEN ? `given as "${GIVEN}"` : `from ${source}`;
  return `the credentials ${which} ${areRight ? "do not suffice" : "were refused"}`;
}

export function shownHint(
  { source, authFile, areRight }: ShownCredentials,
  registry: string,
): string {
  const login = loginCommand(registry, authFile);
  if (areRight) return `Check the name; where it is right, log in as somebody who may: ${login}`;
  if (source === GIVEN) return `Give others, or none and log in: ${login}`;
  if (source === AUTH_VARIABLE) return `Renew them there, or unset it and log in: ${login}`;
  return `Renew them: ${login}`;
}

/** Docker Hub needs no name. */
export function loginCommand(registry: string, authFile?: string): string {
  return [
    "marmita login",
    ...(authFile === undefined ? [] : [`--authfile ${authFile}`]),
    ...(registry === DOCKER_HUB ? [] : [registry]),
  ].join(" ");
}
