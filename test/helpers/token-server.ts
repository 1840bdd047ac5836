/** A server of tokens for docker-registry: JSON Web Tokens, and identity tokens in exchange. */
import { type KeyObject, createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type Authority, type Certificate, makeAuthority } from "./certificates.ts";
import type { RegistryAuth } from "./registry.ts";
import { endsWithTests } from "./servers.ts";

export interface TokenServerOptions {
  /** Passwords by name. Whoever has one may do everything. */
  readonly users: Readonly<Record<string, string>>;
  /** What others may do. Default: nothing. */
  readonly everybody?: readonly ("pull" | "push")[];
  /** Gives a token to keep in the place of the password, when asked. Default: false. */
  readonly identityTokens?: boolean;
  /** What it says of how long tokens last. Default: 300. */
  readonly lifetimeSeconds?: number;
  /** With TLS. */
  readonly tls?: Certificate;
}

/** One question, as it was understood. */
export interface TokenQuestion {
  readonly method: string;
  /** `undefined` for somebody unknown. */
  readonly user: string | undefined;
  readonly scopes: readonly string[];
  /** Of a GET or of a POST's form, without passwords and tokens. */
  readonly fields: Readonly<Record<string, string>>;
  readonly status: number;
}

const SERVICE = "registry of tests";
const ISSUER = "token server of tests";

/** Listens on loopback until the tests of the file are over. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const authority = await makeAuthority();
  const server = new TokenServer(options, authority);
  await server.listen();
  return server;
}

export class TokenServer {
  readonly questions: TokenQuestion[] = [];
  readonly #options: TokenServerOptions;
  readonly #authority: Authority;
  readonly #certificate: string;
  readonly #key: KeyObject;
  /** User by identity token. */
  readonly #identities = new Map<string, string>();
  #port = 0;

  constructor(options: TokenServerOptions, authority: Authority) {
    const { cert, key } = authority.issue();
    this.#options = options;
    this.#authority = authority;
    this.#certificate = new X509Certificate(readFileSync(cert)).raw.toString("base64");
    this.#key = createPrivateKey(readFileSync(key));
  }

  /** For `startRegistry`. */
  get auth(): RegistryAuth {
    const rootCertificates = this.#authority.ca;
    return { token: { realm: this.realm, service: SERVICE, issuer: ISSUER, rootCertificates } };
  }

  get realm(): string {
    const scheme = this.#options.tls === undefined ? "http" : "https";
    return `${scheme}://127.0.0.1:${this.#port}/token`;
  }

  /** None of the identity tokens it gave counts any longer. */
  revoke(): void {
    this.#identities.clear();
  }

  async listen(): Promise<void> {
    const { tls } = this.#options;
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    };
    const server =
      tls === undefined
        ? createServer(answer)
        : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    endsWithTests(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.realm);
    const isPost = request.method === "POST";
    const form = isPost ? new URLSearchParams(await text(request)) : url.searchParams;
    const fields = Object.fromEntries(form);
    const user = isPost
      ? this.#identities.get(fields["refresh_token"] ?? "")
      : this.#userOf(request.headers.authorization);
    delete fields["refresh_token"];
    const all = form.getAll("scope").flatMap((scope) => scope.split(" "));
    const scopes = all.filter((scope) => scope !== "");
    const status = user === undefined && isPost ? 400 : user === WRONG ? 401 : 200;
    this.questions.push({ method: request.method ?? "", user, scopes, fields, status });

    response.setHeader("content-type", "application/json");
    response.statusCode = status;
    if (status !== 200) {
      const errors = [{ code: "UNAUTHORIZED", message: "incorrect username or password" }];
      response.end(JSON.stringify(isPost ? { error: "invalid_grant" } : { errors }));
      return;
    }
    const { lifetimeSeconds = 300 } = this.#options;
    const token = this.#token(user, scopes);
    const identity = this.#identityFor(user, fields);
    response.end(
      JSON.stringify({
        [isPost ? "access_token" : "token"]: token,
        expires_in: lifetimeSeconds,
        ...(identity !== undefined && { refresh_token: identity }),
      }),
    );
  }

  #userOf(authorization: string | undefined): string | undefined {
    if (authorization === undefined) return undefined;
    const basic = /^Basic (.*)$/.exec(authorization)?.[1] ?? "";
    const [user = "", ...password] = Buffer.from(basic, "base64").toString().split(":");
    return this.#options.users[user] === password.join(":") ? user : WRONG;
  }

  #identityFor(user: string | undefined, fields: Record<string, string>): string | undefined {
    if (user === undefined || this.#options.identityTokens !== true) return undefined;
    if (fields["offline_token"] !== "true") return undefined;
    const identity = `identity-${randomUUID()}`;
    this.#identities.set(identity, user);
    return identity;
  }

  /** As distribution's "Token Authentication Implementation" has it. */
  #token(user: string | undefined, scopes: readonly string[]): string {
    const { everybody = [], lifetimeSeconds = 300 } = this.#options;
    const access = scopes.flatMap((scope) => {
      const [type = "", ...rest] = scope.split(":");
      const wanted = rest.pop()?.split(",") ?? [];
      const actions =
        user === undefined
          ? wanted.filter((action) => (everybody as readonly string[]).includes(action))
          : wanted;
      return actions.length === 0 ? [] : [{ type, name: rest.join(":"), actions }];
    });
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: ISSUER,
      sub: user ?? "",
      aud: SERVICE,
      nbf: now - 10,
      iat: now,
      exp: now + lifetimeSeconds,
      jti: randomUUID(),
      access,
    };
    const header = { typ: "JWT", alg: "ES256", x5c: [this.#certificate] };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode(header)}.${encode(claims)}`;
    const options = { key: this.#key, dsaEncoding: "ieee-p1363" } as const;
    return `${signed}.${sign("sha256", Buffer.from(signed), options).toString("base64url")}`;
  }
}

const WRONG = "\0wrong";
