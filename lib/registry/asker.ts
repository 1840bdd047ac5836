/** One question to one repository of a registry, whoever of its endpoints answers. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Resting, TryingOptions } from "./again.ts";
import type { WireBody, WireMethod, WireResponse } from "./wire-message.ts";

export interface Ask extends TryingOptions {
  /** What is tried, for errors: `manifest latest of docker.io/library/busybox`. */
  readonly doing: string;
  /** A tag or a digest, where it is about one. */
  readonly reference?: string;
  readonly method: WireMethod;
  /**
   * Under `/v2/NAME/`: `manifests/latest`; from the root: `/v1/search`; or what the registry said: the
   * place of an upload.
   */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | WireBody;
  /** Other repositories that have to be read: of a mount. */
  readonly reads?: readonly string[];
  /** The statuses the caller knows what to do with; any other is thrown as an error. */
  readonly accept: readonly number[];
  /** Whether the same may be sent twice. Default: as HTTP says of the method. */
  readonly retry?: boolean;
}

/** The caller reads the body, or discards it. */
export type Answer = WireResponse;

export interface Asker extends Resting {
  /** What images of it are named by: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** `library/busybox`; without one, paths are under `/v2/`. */
  readonly repository?: string | undefined;
  ask(request: Ask): Promise<Answer>;
  /** What was answered is wrong: whether that was a mirror, which is not asked again then. */
  passOver(answer: Answer, error: Error): boolean;
}

/** What `use` makes of an answer; where that is wrong or broken, the next one's. */
export async function askAndUse<T>(
  asker: Asker,
  request: Ask,
  use: (answer: Answer) => T | Promise<T>,
): Promise<T> {
  for (;;) {
    const answer = await asker.ask(request);
    try {
      return await use(answer);
    } catch (error) {
      answer.discard();
      const isWrong = isMarmitaError(error, "CORRUPT") || isMarmitaError(error, "UNAVAILABLE");
      if (!isWrong || !asker.passOver(answer, error)) throw error;
    }
  }
}

/** As people write it: `docker.io/library/busybox:latest`. */
export function placeOf({ registry, repository }: Asker, reference?: string): string {
  const name = repository === undefined ? registry : `${registry}/${repository}`;
  if (reference === undefined) return name;
  return `${name}${reference.includes(":") ? "@" : ":"}${reference}`;
}

/** What a registry said makes no sense, or is not true: `CORRUPT`. */
export function nonsense(
  asker: Asker,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): MarmitaError {
  const { registry, repository } = asker;
  return new MarmitaError("CORRUPT", message, {
    details: { registry, ...(repository !== undefined && { repository }), ...details },
  });
}

/** A header that was sent once. */
export function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** In lower case, without its parameters; empty where it was not said. */
export function contentTypeOf(answer: Answer): string {
  const [type = ""] = (headerOf(answer, "content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}

/** `Content-Length`, where it was said and is a number. */
export function lengthOf(answer: Answer): number | undefined {
  const text = headerOf(answer, "content-length");
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}
