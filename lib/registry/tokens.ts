/** The short-lived tokens of registries: fetched from their realm, kept until they expire. */
import { createHash } from "node:crypto";
import { MarmitaError } from "../errors.ts";
import { pause } from "../util/backoff.ts";
import { type JsonObject, isJsonObject } from "../util/json.ts";
import { SharedWork } from "../util/shared-work.ts";
import { again } from "./again.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Scope } from "./scopes.ts";
import type { ShownCredentials } from "./shown-credentials.ts";
import type { Transport, WireResponse } from "./transport.ts";
import { responseError, shownUrl, statusError } from "./wire-error.ts";

/** Where a token is to be had, as a challenge says. */
export interface Realm {
  readonly url: URL;
  readonly service: string | undefined;
}

/** How an endpoint wants to be asked, as its last challenge said. */
export type Way = "basic" | Realm;

export interface TokenRequest {
  readonly realm: Realm;
  readonly scopes: readonly Scope[];
  /** None: the token of somebody unknown. */
  readonly credentials: Credentials | undefined;
  /** Where these are from. */
  readonly shown?: Omit<ShownCredentials, "areRight"> | undefined;
  /** The registry that named the realm: its settings count there too. */
  readonly endpoint: Endpoint;
  /** Also ask for a token that can be kept in the place of the password. */
  readonly offline?: boolean;
}

export interface Token {
  readonly text: string;
  /** In milliseconds of `performance.now()`. */
  readonly fetchedAtMs: number;
  readonly expiresAtMs: number;
  /** To keep in the place of the password, where it was asked for and given. */
  readonly identityToken?: string;
}

export interface TokensOptions {
  readonly transport: Pick<Transport, "request">;
  /** The clock, in milliseconds. Default: `performance.now()`. */
  readonly now?: () => number;
}

const MOST_BYTES = 256 * 1024;
const LONGEST_TOKEN = 64 * 1024;
/** What the protocol gives a token whose time is not told, and the most we believe. */
const DEFAULT_LIFETIME_S = 60;
const LONGEST_LIFETIME_S = 3_600;
/** Of its lifetime: it has to last until the request that shows it has arrived. */
const USABLE_PART = 0.9;
const CLIENT_ID = "marmita";
/** A token has these characters: with others it could add headers to our requests. */
const TOKEN = /^[\x21-\x7e]+$/;

/** The tokens of one engine, and which of its endpoints want some. */
export class Tokens {
  readonly #transport: Pick<Transport, "request">;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Token>();
  readonly #ways = new Map<string, Way>();
  readonly #fetching = new SharedWork<Token>();
  /** Each `forget()` begins one: what was asked for before it is not kept. */
  #age = 0;

  constructor({ transport, now = () => performance.now() }: TokensOptions) {
    this.#transport = transport;
    this.#now = now;
  }

  /** `undefined` where nothing was asked for so far. */
  wayOf({ base }: Endpoint): Way | undefined {
    return this.#ways.get(base.href);
  }

  learn({ base }: Endpoint, way: Way): void {
    this.#ways.set(base.href, way);
  }

  /**
   * One that has not expired; it is fetched once, however many ask meanwhile. Throws `UNAUTHORIZED`
   * for wrong credentials, `DENIED`, `RATE_LIMITED`, `UNAVAILABLE`, and `CORRUPT` for nonsense.
   */
  async get(request: TokenRequest, signal?: AbortSignal): Promise<Token> {
    const key = keyOf(request);
    const kept = this.#tokens.get(key);
    if (kept !== undefined && kept.expiresAtMs > this.#now()) return kept;
    const age = this.#age;
    return this.#fetching.do(
      `${age} ${key}`,
      async (ending) => {
        const token = await this.#fetch(request, ending);
        if (age === this.#age) this.#keep(key, token);
        return token;
      },
      signal,
    );
  }

  /** Whether this is the token that `get` gives, and for how long it has been so, in milliseconds. */
  ageOf(request: TokenRequest, text: string): number | undefined {
    const kept = this.#tokens.get(keyOf(request));
    return kept?.text === text ? this.#now() - kept.fetchedAtMs : undefined;
  }

  drop(request: TokenRequest): void {
    this.#tokens.delete(keyOf(request));
  }

  forget(): void {
    this.#age++;
    this.#tokens.clear();
    this.#ways.clear();
  }

  #keep(key: string, token: Token): void {
    const now = this.#now();
    for (const [other, { expiresAtMs }] of this.#tokens) {
      if (expiresAtMs <= now) this.#tokens.delete(other);
    }
    this.#tokens.set(key, token);
  }

  async #read(request: TokenRequest, signal: AbortSignal): Promise<Buffer> {
    const response = await this.#transport.request({ ...wireRequestOf(request), signal });
    if (response.status !== 200) throw await refusal(response, request);
    return response.read(MOST_BYTES);
  }

  async #fetch(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    const askedAtMs = this.#now();
    const bytes = await again({ rest: pause }, () => this.#read(request, signal), { signal });
    const content = parse(bytes, request);
    const text = textOf(content, "token") ?? textOf(content, "access_token");
    if (text === undefined) throw nonsense(request, "there is no token in it");
    if (!isToken(text)) throw nonsense(request, "what it has as a token is none");
    const identityToken = textOf(content, "refresh_token");
    return {
      text,
      fetchedAtMs: this.#now(),
      expiresAtMs: askedAtMs + lifetimeMs(content["expires_in"]),
      ...(identityToken !== undefined && isToken(identityToken) && { identityToken }),
    };
  }
}

/**
 * The ways of distribution's "Token Authentication" (GET with a name and a password, or nothing)
 * and "OAuth2 Token Authentication" (POST with a token that was got at a login).
 */
function wireRequestOf(request: TokenRequest) {
  const { realm, scopes, credentials, offline = false } = request;
  const endpoint = endpointOf(request);
  if (credentials !== undefined && "identityToken" in credentials) {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service: realm.service ?? "",
      client_id: CLIENT_ID,
      refresh_token: credentials.identityToken,
      ...(scopes.length > 0 && { scope: scopes.join(" ") }),
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = Buffer.from(form.toString());
    return { method: "POST" as const, url: realm.url, headers, body, endpoint, retry: true };
  }
  const url = new URL(realm.url);
  const add = (name: string, value: string) => url.searchParams.append(name, value);
  if (realm.service !== undefined) add("service", realm.service);
  for (const scope of scopes) add("scope", scope);
  if (offline) {
    add("offline_token", "true");
    add("client_id", CLIENT_ID);
  }
  const hasName = credentials !== undefined && "username" in credentials;
  if (hasName) add("account", credentials.username);
  const headers = hasName ? { authorization: basic(credentials) } : {};
  return { method: "GET" as const, url, headers, endpoint };
}

/** What vouches for the registry does so for its realm; our own certificate is not shown there. */
function endpointOf({ endpoint, realm }: TokenRequest): Endpoint {
  if (realm.url.origin === endpoint.base.origin) return endpoint;
  const { ca, rejectUnauthorized } = endpoint.tls;
  return {
    ...endpoint,
    base: new URL("/", realm.url),
    host: realm.url.host,
    tls: { ...(ca !== undefined && { ca }), rejectUnauthorized },
  };
}

/** `Authorization`, RFC 7617. */
export function basic({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** What is secret is in it as a hash only. */
function keyOf({ realm, scopes, credentials, offline = false }: TokenRequest): string {
  const who = JSON.stringify(credentials ?? null);
  const hash = createHash("sha256").update(who).digest("base64");
  return JSON.stringify([realm.url.href, realm.service ?? null, scopes, hash, offline]);
}

function lifetimeMs(seconds: unknown): number {
  const said = typeof seconds === "number" && seconds > 0 ? seconds : DEFAULT_LIFETIME_S;
  return Math.min(said, LONGEST_LIFETIME_S) * 1_000 * USABLE_PART;
}

function isToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN && TOKEN.test(text);
}

function parse(bytes: Buffer, request: TokenRequest): JsonObject {
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString("utf8"));
  } catch {
    // Without the cause, which quotes what was read.
    throw nonsense(request, "it is not JSON");
  }
  if (!isJsonObject(content)) throw nonsense(request, "it is not a JSON object");
  return content;
}

function textOf(content: JsonObject, name: string): string | undefined {
  const value = content[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** That a realm is not there says nothing of an image: no `NOT_FOUND`. */
async function refusal(response: WireResponse, request: TokenRequest): Promise<MarmitaError> {
  const { status } = response;
  const doing = `token for ${request.endpoint.host}`;
  const { shown } = request;
  const where = {
    registry: request.endpoint.host,
    ...(shown && { credentials: { ...shown, areRight: false } }),
  };
  // How OAuth2 says that what we have counts no longer (RFC 6749, 5.2).
  if (status === 400 && isPost(request)) {
    response.discard();
    return statusError({ status: 401, headers: response.headers }, doing, where);
  }
  if ([401, 403, 429].includes(status) || status >= 500) {
    return responseError(response, doing, where);
  }
  response.discard();
  return nonsense(request, `its status is ${status}`, { status });
}

function isPost({ credentials }: TokenRequest): boolean {
  return credentials !== undefined && "identityToken" in credentials;
}

function nonsense(
  { realm, endpoint }: TokenRequest,
  why: string,
  details: Readonly<Record<string, unknown>> = {},
): MarmitaError {
  const what = `token for ${endpoint.host}: the answer of ${shownUrl(realm.url)} makes no sense`;
  return new MarmitaError("CORRUPT", `${what}: ${why}`, {
    details: { registry: endpoint.host, realm: shownUrl(realm.url), ...details },
  });
}
