/** Asks the endpoints of a registry, one after the other: mirrors first, then the registry itself. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { pause } from "../util/backoff.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isBreak } from "./again.ts";
import type { Answer, Ask, Asker } from "./asker.ts";
import type { Authorizer } from "./auth.ts";
import type { Endpoint } from "./endpoints.ts";
import { type Scope, mergeScopes, repositoryScope } from "./scopes.ts";
import { redirected } from "./redirects.ts";
import type { SendOptions, Transport, TransportOptions } from "./transport.ts";
import { responseError, shownUrl } from "./wire-error.ts";

export interface EndpointAskerParts {
  readonly registry: string;
  /** Without one, paths are under `/v2/`. */
  readonly repository?: string;
  readonly endpoints: readonly Endpoint[];
  readonly scopes: readonly Scope[];
  readonly transport: Pick<Transport, "request">;
  readonly authorizer: Pick<Authorizer, "send" | "refusedOf">;
  /** Of the engine: at which base a registry itself has answered. */
  readonly answering: Map<string, string>;
  /** Between tries. */
  readonly sleep?: TransportOptions["sleep"];
}

interface Answered {
  readonly endpoint: Endpoint;
  readonly answer: Answer;
}

export class EndpointAsker implements Asker {
  readonly registry: string;
  readonly repository: string | undefined;
  readonly #parts: EndpointAskerParts;
  /** Mirrors that gave no answer, or a wrong one, and why: not asked again. */
  readonly #silent = new Map<Endpoint, string>();
  readonly #ofMirrors = new WeakMap<Answer, Endpoint>();

  constructor(parts: EndpointAskerParts) {
    this.registry = parts.registry;
    this.repository = parts.repository;
    this.#parts = parts;
  }

  /** Throws the error of the registry itself; its `details.mirrors` tell those of the mirrors. */
  async ask(request: Ask): Promise<Answer> {
    if (request.path instanceof URL) return this.#askAt(request.path, request);
    const passedOver: string[] = [];
    for (const mirror of this.#parts.endpoints.filter(({ isMirror }) => isMirror)) {
      const known = this.#silent.get(mirror);
      if (known !== undefined) {
        passedOver.push(known);
        continue;
      }
      try {
        return await this.#askMirror(mirror, request);
      } catch (error) {
        throwIfAborted(request.signal);
        if (!isMarmitaError(error)) throw error;
        const why = whyOf(mirror, error);
        if (isBreak(error) && error.details["status"] === undefined) this.#silent.set(mirror, why);
        passedOver.push(why);
      }
    }
    try {
      return await this.#askItself(request);
    } catch (error) {
      throw passedOver.length === 0 ? error : withMirrors(error, passedOver);
    }
  }

  passOver(answer: Answer, error: Error): boolean {
    const mirror = this.#ofMirrors.get(answer);
    if (mirror === undefined) return false;
    this.#silent.set(mirror, whyOf(mirror, error));
    return true;
  }

  async rest(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const { sleep = pause } = this.#parts;
    await sleep(milliseconds, signal);
  }

  /** What it does not have, another one may. */
  async #askMirror(mirror: Endpoint, request: Ask): Promise<Answer> {
    const accept = request.accept.filter((status) => status < 300);
    const answer = await this.#send(mirror, request);
    this.#ofMirrors.set(answer, mirror);
    return this.#accepted(answer, { ...request, accept });
  }

  /** From its first answer on, an insecure registry is spoken to as it answered. */
  async #askItself(request: Ask): Promise<Answer> {
    const { answering, endpoints } = this.#parts;
    const own = endpoints.filter(({ isMirror }) => !isMirror);
    const known = own.find(({ base }) => base.href === answering.get(this.registry));
    const { endpoint, answer } = await this.#askFirstOf(known ? [known] : own, request);
    answering.set(this.registry, endpoint.base.href);
    return this.#accepted(answer, request);
  }

  /**
   * With TLS, then without. Nothing is known yet: one attempt has to do for the first, unless there
   * is no answer to the second either.
   */
  async #askFirstOf(own: readonly Endpoint[], request: Ask): Promise<Answered> {
    const [secure, plain] = own;
    if (secure === undefined) throw new TypeError("a registry has an endpoint");
    if (plain !== undefined) {
      const failure = await this.#failureOf(async () => this.#send(secure, request, 1));
      if (!(failure instanceof MarmitaError)) return { endpoint: secure, answer: failure };
      const answered = await this.#askWithout(plain, request, failure);
      if (answered !== undefined) return answered;
    }
    return { endpoint: secure, answer: await this.#send(secure, request) };
  }

  /** `undefined` where that is nothing that it speaks. */
  async #askWithout(
    plain: Endpoint,
    request: Ask,
    failure: MarmitaError,
  ): Promise<Answered | undefined> {
    if (isNobodyThere(failure, plain)) return undefined;
    const answer = await this.#failureOf(async () => this.#send(plain, request));
    if (answer instanceof MarmitaError) {
      if (answer.step !== "connect" || isNoTls(failure)) throw answer;
      return undefined;
    }
    // Servers of TLS say so to those who speak without.
    if (answer.status !== 400 || isNoTls(failure)) return { endpoint: plain, answer };
    answer.discard();
    return undefined;
  }

  /** What there is instead of an answer. */
  async #failureOf(asking: () => Promise<Answer>): Promise<Answer | MarmitaError> {
    try {
      return await asking();
    } catch (error) {
      if (isMarmitaError(error, "UNAVAILABLE")) return error;
      throw error;
    }
  }

  /** Where the registry itself has sent us: credentials are for the endpoint alone. */
  async #askAt(url: URL, request: Ask): Promise<Answer> {
    const { endpoints, transport } = this.#parts;
    const isThere = ({ base }: Endpoint) => base.origin === url.origin;
    const endpoint = endpoints.find(isThere);
    if (endpoint !== undefined) return this.#accepted(await this.#send(endpoint, request), request);

    const from = endpoints.at(-1);
    if (from === undefined) throw new TypeError("a registry has an endpoint");
    // As careful as with a redirect; what is for the registry alone does not go there.
    const here = { method: request.method, url: from.base, headers: {}, isForeign: false };
    redirected(here, url.href, from);
    const wire = { ...sendable(request, url), endpoint: from };
    const answer = await transport.request(wire, sending(request));
    return this.#accepted(answer, request);
  }

  async #send(endpoint: Endpoint, request: Ask, attempts?: number): Promise<Answer> {
    const { transport, authorizer, scopes } = this.#parts;
    const reads = (request.reads ?? []).map((path) => repositoryScope(path, ["pull"]));
    const under = this.repository === undefined ? "v2/" : `v2/${this.repository}/`;
    const { path } = request;
    const url = path instanceof URL ? path : new URL(pathUnder(under, path), endpoint.base);
    const wire = { ...sendable(request, url), ...(attempts !== undefined && { attempts }) };
    const asked = { endpoint, scopes: mergeScopes(scopes, reads), signal: request.signal };
    return authorizer.send(asked, (auth) => {
      const headers = { ...wire.headers, ...auth };
      return transport.request({ ...wire, headers, endpoint }, sending(request));
    });
  }

  async #accepted(answer: Answer, request: Ask): Promise<Answer> {
    if (request.accept.includes(answer.status)) return answer;
    const credentials = this.#parts.authorizer.refusedOf(answer);
    throw await responseError(answer, request.doing, { ...this.#where(request), credentials });
  }

  #where({ reference }: Ask): { registry: string; repository?: string; reference?: string } {
    const { registry, repository } = this;
    return {
      registry,
      ...(repository !== undefined && { repository }),
      ...(reference !== undefined && { reference }),
    };
  }
}

function whyOf({ base }: Endpoint, { message }: Error): string {
  return `${shownUrl(base)}: ${message}`;
}

/** Relative to the base, which may have a path of its own. */
function pathUnder(under: string, path: string): string {
  return path.startsWith("/") ? path.slice(1) : under + path;
}

/** Not even a connection, which another protocol would not change: on the same port, if one is said. */
function isNobodyThere({ errno }: MarmitaError, { base }: Endpoint): boolean {
  if (errno === "ECONNREFUSED") return base.port !== "";
  return errno === "ENOTFOUND" || errno === "EAI_AGAIN";
}

/** What answered does not speak TLS at all. */
function isNoTls({ errno = "" }: MarmitaError): boolean {
  return errno === "EPROTO" || errno.startsWith("ERR_SSL");
}

function sending({ onRetry }: Ask): SendOptions {
  if (onRetry === undefined) return {};
  return { onRetry: (retry) => onRetry({ ...retry, attempt: retry.attempt + 1 }) };
}

function sendable({ method, headers, body, retry, signal }: Ask, url: URL) {
  return {
    method,
    url,
    ...(headers && { headers }),
    ...(body && { body }),
    ...(retry !== undefined && { retry }),
    signal,
  };
}

function withMirrors(error: unknown, mirrors: readonly string[]): unknown {
  if (!isMarmitaError(error)) return error;
  const { code, message, step, syscall, errno, hint, details, cause } = error;
  return new MarmitaError(code, message, {
    step,
    syscall,
    errno,
    hint,
    details: { ...details, mirrors },
    cause,
  });
}
