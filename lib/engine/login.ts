/** login and logout: credentials that a registry takes are kept where Docker and others find them. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { isDomain } from "../oci/reference.ts";
import { registryName } from "../registry/configuration.ts";
import type { Credentials } from "../registry/credentials.ts";
import { type FoundCredentials, lookUpCredentials } from "../registry/find-credentials.ts";
import { dropCredentials, keepCredentials } from "../registry/keep-credentials.ts";
import { abortSignal, check, flag, isText, word } from "../util/check.ts";
import type { EngineContext } from "./context.ts";
import type { LoggedIn, LoggedOut, LoginOptions, LogoutOptions } from "./login-options.ts";

/** `registry` as `checkRegistry` gives it. */
export async function login(
  context: EngineContext,
  registry: string,
  options: LoginOptions,
): Promise<LoggedIn> {
  const { username, password, ...access } = options;
  if (username === undefined || password === undefined) {
    return loginAgain(context, registry, access);
  }
  const auth = { username, password };
  const registries = await context.registries();
  const { identityToken } = await taken(registry, registries.check(registry, { ...access, auth }));
  const credentials: Credentials = identityToken === undefined ? auth : { identityToken };
  const place = await keepCredentials({ domain: registry, username, credentials }, access);
  registries.forget();
  return { registry, username, ...place };
}

/** With what was kept before; where that is stays as it is. */
async function loginAgain(
  context: EngineContext,
  registry: string,
  access: Omit<LoginOptions, "username" | "password">,
): Promise<LoggedIn> {
  const found = await kept(registry, access);
  if (found === undefined) throw notLoggedIn(registry);
  const registries = await context.registries();
  await taken(registry, registries.check(registry, { ...access, auth: found.credentials }));
  return { registry, ...nameOf(found), path: found.source, isNew: false };
}

/** In a file that is not there yet, nobody is logged in. */
async function kept(
  registry: string,
  access: Pick<LoginOptions, "authFile" | "signal">,
): Promise<FoundCredentials | undefined> {
  try {
    return await lookUpCredentials({ domain: registry }, access);
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Who is refused here has nowhere to log in to. */
async function taken<T>(registry: string, checking: Promise<T>): Promise<T> {
  try {
    return await checking;
  } catch (error) {
    if (!isMarmitaError(error, "UNAUTHORIZED")) throw error;
    const what = `${registry} does not take this username and password`;
    throw new MarmitaError("UNAUTHORIZED", what, {
      cause: error,
      hint: "Some registries take an access token only, which stands in the place of the password.",
      details: error.details,
    });
  }
}

export async function logout(
  context: EngineContext,
  registry: string,
  options: LogoutOptions,
): Promise<LoggedOut> {
  const wasLoggedIn = await dropCredentials(registry, options);
  (await context.registries()).forget();
  const remaining = await whereElse(registry, options);
  return { registry, wasLoggedIn, ...(remaining !== undefined && { remaining }) };
}

/** What cannot be read is nobody's to use either. */
async function whereElse(registry: string, options: LogoutOptions): Promise<string | undefined> {
  try {
    return (await lookUpCredentials({ domain: registry }, options))?.source;
  } catch {
    return undefined;
  }
}

/** The registry that is meant, as image names have it. Throws `INVALID_ARGUMENT`. */
export function checkRegistry(registry: string): string {
  if (!isText(registry)) throw notARegistry("");
  const withoutScheme = registry.replace(/^https?:\/\//, "");
  const [host = "", ...path] = withoutScheme.split("/");
  if (!isDomain(host)) throw notARegistry(registry);
  // Of a URL the host counts, as in Docker; a path in a name would be one of images.
  const isWhole = withoutScheme !== registry || /^(?:v[12]\/?)?$/.test(path.join("/"));
  if (isWhole) return registryName(host);
  throw new MarmitaError("INVALID_ARGUMENT", `${registry} is a part of a registry`, {
    hint: `A login is for all of it: ${host}`,
  });
}

export function checkLoginOptions(options: LoginOptions): void {
  check(
    { username: word, password: secret, authFile: word, tlsVerify: flag, signal: abortSignal },
    options,
  );
  const { username, password } = options;
  if ((username === undefined) !== (password === undefined)) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "a login takes a username and a password, or neither",
    );
  }
  // RFC 7617: whatever follows the first colon is the password.
  if (username?.includes(":") !== true) return;
  throw new MarmitaError("INVALID_ARGUMENT", "a username has no colon in it");
}

export function checkLogoutOptions(options: LogoutOptions): void {
  check({ authFile: word, signal: abortSignal }, options);
}

/** Nothing of it is told. */
function secret(value: unknown, name: string): void {
  if (typeof value === "string" && value !== "") return;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `expected "${name}" to be a string that is not empty`,
    {
      details: { option: name },
    },
  );
}

function nameOf({ credentials }: FoundCredentials): { readonly username?: string } {
  return "username" in credentials ? { username: credentials.username } : {};
}

function notLoggedIn(registry: string): MarmitaError {
  return new MarmitaError("UNAUTHORIZED", `nobody is logged in to ${registry}`, {
    hint: "Give a username and a password.",
    details: { registry },
  });
}

/** What has a password in it is not shown. */
function notARegistry(text: string): MarmitaError {
  const shown = text.includes("@") ? "this" : JSON.stringify(text.slice(0, 300));
  return new MarmitaError("INVALID_ARGUMENT", `${shown} is not the name of a registry`, {
    hint: "It is a host, with its port if it has one: registry.example.com:5000",
  });
}
