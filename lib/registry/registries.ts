/** The registries an engine speaks to: their connections, tokens and settings are shared. */
import { Authorizer } from "./auth.ts";
import { catalogOf } from "./catalog.ts";
import { RegistryClient } from "./client.ts";
import {
  DOCKER_HUB,
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
import { filterResults, parseSearchTerm, searchIndex, searchNames } from "./search.ts";
import type { SearchFilters, SearchResult } from "./search-options.ts";
import { Tokens } from "./tokens.ts";
import { Transport, type TransportOptions } from "./transport.ts";

const HUB_INDEX = new URL("https://index.docker.io/");

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
  readonly #sleep: TransportOptions["sleep"] | undefined;
  readonly #answering = new Map<string, string>();

  /** Use `Registries.open()`. */
  constructor(
    configuration: RegistriesConfiguration,
    transport: Transport,
    sleep?: TransportOptions["sleep"],
  ) {
    this.#sleep = sleep;
    this.configuration = configuration;
    this.#transport = transport;
    this.#tokens = new Tokens({ transport });
  }

  /** Reads the configuration; nobody is asked anything yet. */
  static async open({ registries, ...options }: OpenRegistriesOptions = {}): Promise<Registries> {
    const configuration = await loadConfiguration(registries, options.env);
    return new Registries(configuration, new Transport(options), options.sleep);
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
   * Images with `text` in name or description, from Docker Hub; of `registry/word`, from that
   * registry. Throws `NOT_FOUND` where a registry has neither an index nor a list.
   */
  async search(
    text: string,
    { auth, authFile, tlsVerify, ...filters }: RegistryAccess & SearchFilters = {},
  ): Promise<readonly SearchResult[]> {
    const { domain, term } = parseSearchTerm(text);
    const access = { auth, authFile, tlsVerify };
    const found =
      (await searchIndex(this.#indexAsker(domain, access), term, filters)) ??
      (await searchNames(this.catalog(domain, { ...access, ...filters }), term, filters));
    const isHub = registryName(domain) === DOCKER_HUB;
    const named = isHub ? found : found.map((one) => ({ ...one, name: `${domain}/${one.name}` }));
    return filterResults(named, filters);
  }

  /** Docker Hub has its index at another host than its images. */
  #indexAsker(domain: string, access: RegistryAccess): EndpointAsker {
    const asker = { domain, access: { ...access, mode: "push" as const }, scopes: [] };
    if (registryName(domain) !== DOCKER_HUB) return this.#asker(asker);
    return this.#asker({ ...asker, base: HUB_INDEX });
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

  #asker({ domain, path, access, scopes, authorizer, base }: AskerOptions): EndpointAsker {
    const { mode, tlsVerify } = access;
    const endpoints = endpointsOf(this.configuration, domain, { mode, tlsVerify });
    return new EndpointAsker({
      registry: registryName(domain),
      ...(path !== undefined && { repository: path }),
      endpoints: base === undefined ? endpoints : endpoints.map((one) => ({ ...one, base })),
      scopes,
      transport: this.#transport,
      authorizer: authorizer ?? this.#authorizer({ domain, path, access }),
      answering: this.#answering,
      ...(this.#sleep && { sleep: this.#sleep }),
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
  /** Where to ask in the place of the registry itself. */
  readonly base?: URL;
}

interface AuthorizerFor {
  readonly domain: string;
  readonly path?: string | undefined;
  readonly access: RegistryAccess;
  readonly offline?: boolean;
}
