/** Asks the endpoints of a registry, one after the other: mirrors first, then the registry itself. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isBreak, restAfter } from "./again.ts";
import type { Answer, Ask, Asker } from "./asker.ts";
import type { Authorizer } from "./auth.ts";
import type { Endpoint } from "./endpoints.ts";
import { type Scope, mergeScopes, repositoryScope } from "./scopes.ts";
import type { Transport } from "./transport.ts";
import { responseError, shownUrl } from "./wire-error.ts";

export interface EndpointAskerParts {
  readonly registry: string;
  /** Without one, paths are under `/v2/`. */
  readonly repository?: string;
  readonly endpoints: readonly Endpoint[];
  readonly scopes: readonly Scope[];
  readonly transport: Pick<Transport, "request">;
  readonly authorizer: Pick<Authorizer, "send">;
  /** Of the engine: which of the endpoints of a registry itself has answered. */
  readonly answering: Map<string, Endpoint>;
}

export class EndpointAsker implements Asker {
  readonly registry: string;
  readonly repository: string | undefined;
  readonly #parts: EndpointAskerParts;
  /** Mirrors that gave no answer: not asked again. */
  readonly #silent = new Set<Endpoint>();

  constructor(parts: EndpointAskerParts) {
    this.registry = parts.registry;
    this.repository = parts.repository;
    this.#parts = parts;
  }

  /** Throws the error of the registry itself; its `details.mirrors` tell those of the mirrors. */
  async ask(request: Ask): Promise<Answer> {
    if (request.path instanceof URL) return this.#askAt(request.path, request);
    const passedOver: string[] = [];
    for (const mirror of this.#mirrors()) {
      try {
        return await this.#askMirror(mirror, request);
      } catch (error) {
        throwIfAborted(request.signal);
        if (!isMarmitaError(error)) throw error;
        if (isBreak(error) && error.details["status"] === undefined) this.#silent.add(mirror);
        passedOver.push(`${shownUrl(mirror.base)}: ${error.message}`);
      }
    }
    try {
      return await this.#askItself(request);
    } catch (error) {
      throw passedOver.length === 0 ? error : withMirrors(error, passedOver);
    }
  }

  async rest(breaks: number, signal?: AbortSignal): Promise<void> {
    await restAfter(breaks, signal);
  }

  #mirrors(): readonly Endpoint[] {
    return this.#parts.endpoints.filter((one) => one.isMirror && !this.#silent.has(one));
  }

  /** What it does not have, another one may. */
  async #askMirror(mirror: Endpoint, request: Ask): Promise<Answer> {
    const accept = request.accept.filter((status) => status < 300);
    return this.#accepted(await this.#send(mirror, request), { ...request, accept });
  }

  /** An insecure registry with TLS, then without; from its first answer on, as it answered. */
  async #askItself(request: Ask): Promise<Answer> {
    const { answering } = this.#parts;
    const known = answering.get(this.registry);
    const own = this.#parts.endpoints.filter(({ isMirror }) => !isMirror);
    let first: MarmitaError | undefined;
    for (const endpoint of known === undefined ? own : [known]) {
      let answer: Answer;
      try {
        answer = await this.#send(endpoint, request);
      } catch (error) {
        answering.delete(this.registry);
        if (!isMarmitaError(error, "UNAVAILABLE")) throw error;
        first ??= error;
        continue;
      }
      // Servers of TLS say so to those who speak without.
      if (first !== undefined && answer.status === 400) {
        answer.discard();
        throw first;
      }
      answering.set(this.registry, endpoint);
      return this.#accepted(answer, request);
    }
    throw first ?? new TypeError("a registry has an endpoint");
  }

  /** Where the registry itself has sent us: credentials are for the endpoint alone. */
  async #askAt(url: URL, request: Ask): Promise<Answer> {
    const { endpoints, transport, answering } = this.#parts;
    const isThere = ({ base }: Endpoint) => base.origin === url.origin;
    const endpoint = endpoints.find(isThere);
    if (endpoint !== undefined) return this.#accepted(await this.#send(endpoint, request), request);

    const from = answering.get(this.registry) ?? endpoints.at(-1);
    if (from === undefined) throw new TypeError("a registry has an endpoint");
    if (url.protocol !== "https:" && !from.isInsecure) {
      throw new MarmitaError(
        "CORRUPT",
        `${request.doing}: the registry sends us to ${shownUrl(url)}, which is without TLS`,
        {
          hint: "Behind a proxy that does TLS for it, a registry has to be told so (X-Forwarded-Proto).",
          details: this.#where(request),
        },
      );
    }
    const { cert: _cert, key: _key, ...tls } = from.tls;
    const elsewhere = { ...from, base: new URL("/", url), host: url.host, tls };
    return this.#accepted(
      await transport.request({ ...sendable(request, url), endpoint: elsewhere }),
      request,
    );
  }

  async #send(endpoint: Endpoint, request: Ask): Promise<Answer> {
    const { transport, authorizer, scopes } = this.#parts;
    const reads = (request.reads ?? []).map((path) => repositoryScope(path, ["pull"]));
    const under = this.repository === undefined ? "v2/" : `v2/${this.repository}/`;
    const { path } = request;
    const url = path instanceof URL ? path : new URL(under + path, endpoint.base);
    const wire = sendable(request, url);
    const asked = { endpoint, scopes: mergeScopes(scopes, reads), signal: request.signal };
    return authorizer.send(asked, (auth) => {
      return transport.request({ ...wire, headers: { ...wire.headers, ...auth }, endpoint });
    });
  }

  async #accepted(answer: Answer, request: Ask): Promise<Answer> {
    if (request.accept.includes(answer.status)) return answer;
    throw await responseError(answer, request.doing, this.#where(request));
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
