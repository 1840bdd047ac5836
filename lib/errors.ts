/** Everything marmita throws on purpose. Match on `code`; `message` is for people. */

/** What went wrong, in words that never change meaning once released. */
export type ErrorCode =
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "INVALID_ARGUMENT"
  | "CONFLICT"
  | "CORRUPT"
  | "UNAUTHORIZED"
  | "DENIED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "UNSUPPORTED"
  | "START_FAILED"
  | "CLOSED";

export interface MarmitaErrorOptions extends ErrorOptions {
  /** The step of a longer work that failed: `overlay`, `exec`, `apply`. */
  step?: string | undefined;
  /** The system call that failed, where one did: `mount`. */
  syscall?: string | undefined;
  /** The name of its errno: `ENOSPC`. */
  errno?: string | undefined;
  /** The cause on this host and what to do about it, in one sentence. */
  hint?: string | undefined;
  /** Facts a caller may act on: `{ digest, expected }`, `{ container, state }`. */
  details?: Readonly<Record<string, unknown>> | undefined;
}

const BRAND = Symbol.for("marmita.error");

export class MarmitaError extends Error {
  readonly code: ErrorCode;
  // Declared only: what is not known is not there, and not printed either.
  declare readonly step?: string;
  declare readonly syscall?: string;
  declare readonly errno?: string;
  declare readonly hint?: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: MarmitaErrorOptions = {}) {
    const { step, syscall, errno, hint, details, ...rest } = options;
    super(message, rest);
    this.code = code;
    if (step !== undefined) this.step = step;
    if (syscall !== undefined) this.syscall = syscall;
    if (errno !== undefined) this.errno = errno;
    if (hint !== undefined) this.hint = hint;
    this.details = details ?? {};
  }

  static {
    Object.defineProperty(this.prototype, "name", { value: "MarmitaError" });
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }
}

/** Like `instanceof`, but true across realms and duplicate installs. */
export function isMarmitaError(error: unknown, code?: ErrorCode): error is MarmitaError {
  if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as { code?: unknown }).code === code;
}
