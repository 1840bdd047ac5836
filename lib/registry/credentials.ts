/** Who we are to a registry, and the places where that may be written. */

/** A name and a password, or a token that stands for both. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  /** Exchanged for short-lived tokens, as a login got it (OAuth2 refresh token). */
  | { readonly identityToken: string }
  /** Shown to the registry as it is. */
  | { readonly registryToken: string };

export type Environment = Readonly<Record<string, string | undefined>>;

/** A document in Docker's format, or where it is. */
export interface CredentialSource {
  /** For errors: a path, or the name of a variable. */
  readonly name: string;
  readonly path?: string;
  /** Of a variable: the document itself. */
  readonly text?: string;
  /** Whether it is an error that it is not there. */
  readonly isRequired: boolean;
}

/** As Docker marks a token that is kept in the place of a password. */
export const TOKEN_USER = "<token>";

/** What a store has under Docker's name for tokens is one. */
export function namedOrToken(username: string, password: string): Credentials {
  return username === TOKEN_USER ? { identityToken: password } : { username, password };
}
