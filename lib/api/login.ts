/** login() and logout(): who we are to a registry. */
import type { LoggedIn, LoggedOut, LoginOptions, LogoutOptions } from "../engine/login-options.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Keep credentials for a registry, `docker.io` or `registry.example.com:5000`, once it has taken
 * them: where Docker keeps its own, in a credential helper if one is set up. Throws `UNAUTHORIZED`
 * when it does not take them.
 */
export async function login(
  registry: string,
  options: LoginOptions & ApiOptions = {},
): Promise<LoggedIn> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).login(registry, rest);
}

/** Forget the credentials for a registry; fine when there are none. */
export async function logout(
  registry: string,
  options: LogoutOptions & ApiOptions = {},
): Promise<LoggedOut> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).logout(registry, rest);
}
