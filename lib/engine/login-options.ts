/** What callers may ask of login and logout, and what they get back. */

export interface LoginOptions {
  /** Together with `password`. Without both, those that are kept already are tried. */
  readonly username?: string;
  /** Or an access token that stands for one. */
  readonly password?: string;
  /** The file to keep them in. Default: `$REGISTRY_AUTH_FILE`, else Docker's `config.json`. */
  readonly authFile?: string;
  /** True: TLS with a good certificate or nothing. False: insecure. Default: as configured. */
  readonly tlsVerify?: boolean;
  readonly signal?: AbortSignal;
}

export interface LoggedIn {
  /** As in image names: `docker.io`. */
  readonly registry: string;
  /** Absent for a token that was kept before. */
  readonly username?: string;
  /** The file that has the credentials, or names the helper that does. */
  readonly path: string;
  /** What follows `docker-credential-` in the name of a program; without one, the file has them. */
  readonly helper?: string;
  /** Whether the file has changed. */
  readonly isNew: boolean;
}

export interface LogoutOptions {
  /** The file to take them from. Default: `$REGISTRY_AUTH_FILE`, else Docker's `config.json`. */
  readonly authFile?: string;
  readonly signal?: AbortSignal;
}

export interface LoggedOut {
  /** As in image names: `docker.io`. */
  readonly registry: string;
  readonly wasLoggedIn: boolean;
  /** A file of somebody else, Podman's perhaps, that still has credentials for the registry. */
  readonly remaining?: string;
}
