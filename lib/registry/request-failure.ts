/** How far a request came that got no answer, and what ended it. */

/** `connect`: names, TCP, TLS, a proxy; `send`: the request; `headers`: waiting for the answer. */
export type Stage = "connect" | "send" | "headers";

/** Nobody but the transport sees it: what it throws is made of this. */
export class RequestFailure extends Error {
  readonly stage: Stage;
  /** Of Node: with `code`, or one of ours. */
  readonly error: unknown;
  /** The connection had served another request before. */
  readonly isReused: boolean;
  /** `host:port` of the proxy that could not be reached, or that refused. */
  readonly proxy: string | undefined;

  constructor(stage: Stage, error: unknown, facts: { isReused?: boolean; proxy?: string } = {}) {
    super(`request failed at ${stage}`, { cause: error });
    this.stage = stage;
    this.error = error;
    this.isReused = facts.isReused ?? false;
    this.proxy = facts.proxy;
  }
}

/** Silence for too long. */
export class Silence extends Error {
  readonly code = "ETIMEDOUT";
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`nothing for ${milliseconds} ms`);
    this.milliseconds = milliseconds;
  }
}

/** A document that comes, and does not end. */
export class Slowness extends Error {
  readonly code = "ETIMEDOUT";
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`not whole after ${milliseconds} ms`);
    this.milliseconds = milliseconds;
  }
}

/** A proxy that does not let us through. */
export class ProxyRefusal extends Error {
  readonly code = "EPROXY";
  readonly status: number;

  constructor(status: number) {
    super(`the proxy answered ${status}`);
    this.status = status;
  }
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `HPE_INVALID_CONSTANT`; empty where there is none. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  // Of several addresses, all of which failed.
  if (error instanceof AggregateError && error.errors.length > 0 && !("code" in error)) {
    return codeOf(error.errors[0]);
  }
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : "";
}
