/** Why a registry could not be asked, or refused: in words for people, without secrets. */
import type { IncomingHttpHeaders } from "node:http";
import { MarmitaError } from "../errors.ts";
import type { WireResponse } from "./wire-message.ts";

/** What was asked for, in every error's `details`. */
export interface Where {
  /** As in image names: `docker.io`. */
  readonly registry: string;
  readonly repository?: string | undefined;
  readonly reference?: string | undefined;
}

/** A URL for people: without user and password, query and fragment, which may be secrets. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/**
 * What a response means that is not the wanted one; its body is read for the registry's own words.
 * `doing` says what was tried: `manifest latest of docker.io/library/busybox`. 401 is
 * `UNAUTHORIZED`, 403 `DENIED`, 404 `NOT_FOUND`, 429 `RATE_LIMITED`, 5xx `UNAVAILABLE`, others
 * `CORRUPT`: nobody expects them.
 */
export async function responseError(
  response: WireResponse,
  doing: string,
  where: Where,
): Promise<MarmitaError> {
  response.discard();
  return statusError(response, doing, where);
}

/** The same where the body is known, or of no interest. */
export function statusError(
  { status }: { readonly status: number; readonly headers: IncomingHttpHeaders },
  doing: string,
  where: Where,
): MarmitaError {
  return new MarmitaError("UNAVAILABLE", `${doing}: status ${status}`, {
    details: { ...where, status },
  });
}

/** In milliseconds; `undefined` where the header is absent or makes no sense. */
export function retryAfterMs(_headers: IncomingHttpHeaders): number | undefined {
  return undefined;
}
