/** Who asks: from a registry's challenge and our credentials to the headers of a request. */
import { MarmitaError } from "../errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { registryName } from "./configuration.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./endpoints.ts";
import { type FoundCredentials, lookUpCredentials } from "./find-credentials.ts";
import { isLinkLocal } from "./redirects.ts";
import { type Scope, mergeScopes, parseScopes } from "./scopes.ts";
import { GIVEN, type ShownCredentials } from "./shown-credentials.ts";
import { type Realm, type TokenRequest, type Tokens, basic } from "./tokens.ts";
import type { WireResponse } from "./transport.ts";

export interface AuthorizerOptions {
  /** Of the engine: what one repository is given, others with the same scopes need not fetch. */
  readonly tokens: Tokens;
  /** As in image names: `docker.io`. */
  readonly domain: string;
  /** Of the repository: credentials may be for a part of a registry. */
  readonly path?: string | undefined;
  /** For the registry itself, not for its mirrors. Default: what is found. */
  readonly auth?: Credentials | undefined;
  /** Default: the places where Docker and Podman keep theirs. */
  readonly authFile?: string | undefined;
  /** Also ask for a token to keep in the place of the password. */
  readonly offline?: boolean;
  /** Default: `lookUpCredentials`. */
  readonly find?: typeof lookUpCredentials;
}

/** Of a request: `{}` or `{ authorization }`. */
export type AuthHeaders = Readonly<Record<string, string>>;

/** What is to be asked, as far as it matters for who may. */
export interface Asked {
  readonly endpoint: Endpoint;
  /** None: for nothing but to be known, as in a login. */
  readonly scopes: readonly Scope[];
  readonly signal?: AbortSignal | undefined;
}

interface Wanted {
  readonly realm: Realm;
  readonly wanted: readonly Scope[];
  readonly found: FoundCredentials | undefined;
}

/** At first without a token, then with one that may have expired. */
const MOST_CHALLENGES = 2;

/** A token that is refused so soon after it was given is not refused for its age. */
const FRESH_MS = 2_000;

/**
 * For one repository. Nothing is sent that was not asked for: credentials go to the endpoint that
 * demands them, and to the realm that it names, those of a registry never to a mirror.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #find: typeof lookUpCredentials;
  /** Scopes as challenges completed them, by endpoint and scopes. */
  readonly #scopes = new Map<string, readonly Scope[]>();
  readonly #found = new Map<string, FoundCredentials | undefined>();
  /** Why there may be credentials that we do not have: told when it turns out to matter. */
  #failure: Error | undefined;
  #identityToken: string | undefined;
  readonly #refused = new WeakMap<WireResponse, ShownCredentials>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#find = options.find ?? lookUpCredentials;
  }

  /** To keep in the place of the password: with `offline`, where the registry gave one. */
  get identityToken(): string | undefined {
    return this.#identityToken;
  }

  /**
   * `request` with the headers it needs, and again when it is refused for want of them. The last
   * response is the caller's: 401 means that what we have is not enough. Throws as `Tokens.get`.
   */
  async send(
    asked: Asked,
    request: (headers: AuthHeaders) => Promise<WireResponse>,
  ): Promise<WireResponse> {
    for (let challenges = 0; ; challenges++) {
      const sent = await this.headersFor(asked);
      const response = await request(sent);
      if (response.status === 401) this.#note(asked, response, sent);
      if (response.status !== 401 || challenges === MOST_CHALLENGES) return response;
      if (!(await this.#isWorthwhile(asked, response, sent))) return response;
      response.discard();
    }
  }

  /** Of a response of `send` with status 401: whose it was, if anybody's. */
  refusedOf(response: WireResponse): ShownCredentials | undefined {
    return this.#refused.get(response);
  }

  /** `{}` until this engine has seen a challenge of the endpoint. Throws as `Tokens.get`. */
  async headersFor(asked: Asked): Promise<AuthHeaders> {
    const { endpoint, scopes } = asked;
    const way = this.#options.tokens.wayOf(endpoint);
    if (way === undefined) return {};
    const found = await this.#credentials(asked);
    if (way === "basic") return basicHeaders(found);
    const wanted = this.#scopes.get(scopesKey(asked)) ?? mergeScopes(scopes);
    return this.#bearerHeaders(this.#tokenRequest(asked, { realm: way, wanted, found }), asked);
  }

  /**
   * What to do about a 401 to a request with the headers `sent`: true when it has a chance with
   * those that `headersFor` gives now. The challenge of somebody to whom we were redirected counts
   * for nothing. Throws as `Tokens.get`.
   */
  async challenged(
    asked: Asked,
    response: Pick<WireResponse, "headers" | "url">,
    sent: AuthHeaders,
  ): Promise<boolean> {
    const { endpoint } = asked;
    if (response.url.origin !== endpoint.base.origin) return false;
    // There may have been a login since.
    if (sent["authorization"] !== undefined) this.#found.delete(endpoint.host);
    const challenges = parseChallenges(response.headers["www-authenticate"]);
    const bearer = challenges.find(({ scheme, parameters }) => {
      return scheme === "bearer" && parameters.has("realm");
    });
    if (bearer !== undefined) return this.#isNew(await this.#tokenFor(asked, bearer, sent), sent);
    if (!challenges.some(({ scheme }) => scheme === "basic")) return false;

    this.#options.tokens.learn(endpoint, "basic");
    return this.#isNew(basicHeaders(await this.#credentials(asked)), sent);
  }

  /** Credentials and tokens, of this repository and of all others. */
  forget(): void {
    this.#scopes.clear();
    this.#found.clear();
    this.#failure = undefined;
    this.#identityToken = undefined;
    this.#options.tokens.forget();
  }

  /** A failure on the way leaves nobody to read the response. */
  async #isWorthwhile(asked: Asked, response: WireResponse, sent: AuthHeaders): Promise<boolean> {
    try {
      return await this.challenged(asked, response, sent);
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  async #tokenFor(
    asked: Asked,
    { parameters }: Challenge,
    sent: AuthHeaders,
  ): Promise<AuthHeaders> {
    const { endpoint, scopes } = asked;
    const realm = realmOf(endpoint, parameters);
    // Where nothing was asked for, what the challenge names is an example.
    const named = scopes.length === 0 ? [] : parseScopes(parameters.get("scope"));
    const wanted = mergeScopes(scopes, named);
    this.#options.tokens.learn(endpoint, realm);
    this.#scopes.set(scopesKey(asked), wanted);
    const found = await this.#credentials(asked);
    const request = this.#tokenRequest(asked, { realm, wanted, found });
    const refused = sent["authorization"]?.replace(/^Bearer /, "") ?? "";
    const { tokens } = this.#options;
    const ageMs = tokens.ageOf(request, refused);
    if (ageMs !== undefined && ageMs >= FRESH_MS) tokens.drop(request);
    return this.#bearerHeaders(request, asked);
  }

  async #bearerHeaders(request: TokenRequest, { signal }: Asked): Promise<AuthHeaders> {
    const { credentials } = request;
    if (credentials !== undefined && "registryToken" in credentials) {
      return { authorization: `Bearer ${credentials.registryToken}` };
    }
    try {
      const token = await this.#options.tokens.get(request, signal);
      this.#identityToken = token.identityToken ?? this.#identityToken;
      return { authorization: `Bearer ${token.text}` };
    } catch (error) {
      // Who is nobody for want of a helper is told of the helper.
      if (credentials === undefined && this.#failure !== undefined) throw this.#failure;
      throw error;
    }
  }

  /** The same again would be refused again. */
  #isNew(headers: AuthHeaders, sent: AuthHeaders): boolean {
    const { authorization } = headers;
    if (authorization !== undefined && authorization !== sent["authorization"]) return true;
    if (this.#failure !== undefined) throw this.#failure;
    return false;
  }

  #tokenRequest({ endpoint }: Asked, { realm, wanted, found }: Wanted): TokenRequest {
    const { offline = false } = this.#options;
    const shown = found && this.#originOf(found);
    const credentials = found?.credentials;
    return { realm, scopes: wanted, credentials, shown, endpoint, offline };
  }

  /** What the endpoint itself refuses, and not somebody to whom it has sent us. */
  #note({ endpoint }: Asked, response: WireResponse, { authorization }: AuthHeaders): void {
    const found = this.#given(endpoint) ?? this.#found.get(endpoint.host);
    if (authorization === undefined || found === undefined) return;
    if (response.url.origin !== endpoint.base.origin) return;
    const areRight = authorization.startsWith("Bearer ") && !("registryToken" in found.credentials);
    this.#refused.set(response, { ...this.#originOf(found), areRight });
  }

  #originOf(found: FoundCredentials): Omit<ShownCredentials, "areRight"> {
    const { source, helper } = found;
    const { authFile } = this.#options;
    return { source: helper ?? source, authFile: source === GIVEN ? undefined : authFile };
  }

  #given({ host }: Endpoint): FoundCredentials | undefined {
    const { auth, domain } = this.#options;
    if (auth === undefined || host !== registryName(domain)) return undefined;
    return { credentials: auth, source: GIVEN };
  }

  async #credentials({ endpoint, signal }: Asked): Promise<FoundCredentials | undefined> {
    const { host } = endpoint;
    const { authFile, path } = this.#options;
    const given = this.#given(endpoint);
    if (given !== undefined) return given;
    if (this.#found.has(host)) return this.#found.get(host);
    try {
      this.#failure = undefined;
      const found = await this.#find({ domain: host, path }, { authFile, signal });
      this.#found.set(host, found);
      return found;
    } catch (error) {
      if (signal?.aborted === true || !(error instanceof Error)) throw error;
      this.#failure = error;
      this.#found.set(host, undefined);
      return undefined;
    }
  }
}

function basicHeaders(found: FoundCredentials | undefined): AuthHeaders {
  const credentials = found?.credentials;
  if (credentials === undefined || !("username" in credentials)) return {};
  return { authorization: basic(credentials) };
}

function scopesKey({ endpoint, scopes }: Asked): string {
  return [endpoint.base.href, ...mergeScopes(scopes)].join(" ");
}

/** Throws `CORRUPT` for a realm that nobody's credentials should be sent to. */
function realmOf(endpoint: Endpoint, parameters: ReadonlyMap<string, string>): Realm {
  const text = parameters.get("realm") ?? "";
  if (!URL.canParse(text)) throw badRealm(endpoint, "is no URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw badRealm(endpoint, `is no web address, but starts with ${JSON.stringify(url.protocol)}`);
  }
  if (url.protocol === "http:" && !endpoint.isInsecure) {
    throw badRealm(endpoint, "is without TLS, and the registry is not an insecure one");
  }
  if (url.username !== "" || url.password !== "") throw badRealm(endpoint, "has a user in it");
  if (isLinkLocal(url.hostname) && !isLinkLocal(endpoint.base.hostname)) {
    throw badRealm(endpoint, "is at an address that only this machine's own network has");
  }
  url.hash = "";
  return { url, service: parameters.get("service") };
}

function badRealm({ host }: Endpoint, why: string): MarmitaError {
  const what = `registry ${host} sends us for a token to a place we do not go: it ${why}`;
  return new MarmitaError("CORRUPT", what, { details: { registry: host } });
}
