/** The registries an engine speaks to: their connections, tokens and settings are shared. */
import { Authorizer } from "./auth.ts";
import { catalogOf } from "./catalog.ts";
import { RegistryClient } from "./client.ts";
import {
  type RegistriesConfiguration,
  type RegistriesOptions,
  loadConfiguration,
  registryName,
} from "./configuration.ts";
import type { Credentials } from "./credentials.ts";
import { EndpointAsker } from "./endpoint-asker.ts";
import { type AccessMode, endpointsOf } from "./endpoints.ts";
import type { RequestOptions } from "./manifests.ts";
import { CATALOG, type Scope, repositoryScope } from "./scopes.ts";
import { Tokens } from "./tokens.ts";
import { Transport, type TransportOptions } from "./transport.ts";

/** Who asks, and how careful they want to be. */
export interface RegistryAccess {
  /** Default: what Docker's and Podman's files and credential helpers have. */
  readonly auth?: Credentials | undefined;
  /** The only file of credentials looked at. */
  readonly authFile?: string | undefined;
  /** True: TLS with a good certificate or nothing. False: insecure. Default: as configured. */
  readonly tlsVerify?: boolean | undefined;
}

export interface RepositoryAccess extends RegistryAccess {
  /** `pull` asks mirrors first; `push` asks for the right to write. */
  readonly mode: AccessMode;
}

/** As in a `Reference`: `{ domain: "docker.io", path: "library/busybox" }`. */
export interface RepositoryName {
  readonly domain: string;
  readonly path: string;
}

export interface OpenRegistriesOptions extends TransportOptions {
  readonly registries?: RegistriesOptions | undefined;
}

export class Registries {
  /** Which registries are asked, and how. */
  readonly configuration: RegistriesConfiguration;
  readonly #transport: Transport;
  readonly #tokens: Tokens;
  readonly #answering = new Map<string, string>();

  /** Use `Registries.open()`. */
  constructor(configuration: RegistriesConfiguration, transport: Transport) {
    this.configuration = configuration;
    this.#transport = transport;
    this.#tokens = new Tokens({ transport });
  }

  /** Reads the configuration; nobody is asked anything yet. */
  static async open({ registries, ...options }: OpenRegistriesOptions = {}): Promise<Registries> {
    const configuration = await loadConfiguration(registries, options.env);
    return new Registries(configuration, new Transport(options));
  }

  /** Nobody is asked yet. Throws `NOT_FOUND` for a registry that is blocked. */
  repository({ domain, path }: RepositoryName, access: RepositoryAccess): RegistryClient {
    const actions = access.mode === "push" ? (["pull", "push"] as const) : (["pull"] as const);
    return new RegistryClient(
      this.#asker({ domain, path, access, scopes: [repositoryScope(path, actions)] }),
    );
  }

  /** The repositories of a registry, in its order; many do not tell. */
  catalog(
    domain: string,
    { signal, ...access }: RegistryAccess & RequestOptions = {},
  ): AsyncIterable<string> {
    const asker = this.#asker({ domain, access: { ...access, mode: "push" }, scopes: [CATALOG] });
    return catalogOf(asker, { signal });
  }

  /**
   * Whether the registry takes these credentials: throws `UNAUTHORIZED` if not. Resolves to what
   * is to be kept in the place of the password, where the registry has such a thing.
   */
  async check(
    domain: string,
    { signal, ...access }: RegistryAccess & RequestOptions,
  ): Promise<{ readonly identityToken?: string }> {
    const authorizer = this.#authorizer({ domain, access, offline: true });
    const asker = this.#asker({
      domain,
      access: { ...access, mode: "push" },
      scopes: [],
      authorizer,
    });
    const answer = await asker.ask({
      doing: `log in to ${domain}`,
      method: "GET",
      path: "",
      accept: [200],
      signal,
    });
    answer.discard();
    const { identityToken } = authorizer;
    return identityToken === undefined ? {} : { identityToken };
  }

  /** Forget tokens: somebody else may be logged in from now on. */
  forget(): void {
    this.#tokens.forget();
  }

  /** Ends all connections. Twice is fine. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  #asker({ domain, path, access, scopes, authorizer }: AskerOptions): EndpointAsker {
    const { mode, tlsVerify } = access;
    return new EndpointAsker({
      registry: registryName(domain),
      ...(path !== undefined && { repository: path }),
      endpoints: endpointsOf(this.configuration, domain, { mode, tlsVerify }),
      scopes,
      transport: this.#transport,
      authorizer: authorizer ?? this.#authorizer({ domain, path, access }),
      answering: this.#answering,
    });
  }

  #authorizer({ domain, path, access, offline = false }: AuthorizerFor): Authorizer {
    const { auth, authFile } = access;
    return new Authorizer({ tokens: this.#tokens, domain, path, auth, authFile, offline });
  }
}

interface AskerOptions {
  readonly domain: string;
  readonly path?: string;
  readonly access: RepositoryAccess;
  readonly scopes: readonly Scope[];
  readonly authorizer?: Authorizer;
}

interface AuthorizerFor {
  readonly domain: string;
  readonly path?: string | undefined;
  readonly access: RegistryAccess;
  readonly offline?: boolean;
}
