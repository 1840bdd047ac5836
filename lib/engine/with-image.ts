/** The image that something is made from: as it is here, or pulled, as the caller has it. */
import { type MarmitaError, isMarmitaError } from "../errors.ts";
import type { ImplicitPullOptions, PullPolicy } from "./container-options.ts";
import type { EngineContext } from "./context.ts";

export interface ImageNeed {
  /** A name, an id or a unique start of one; `host` is never pulled. */
  readonly image: string;
  readonly platform?: string | undefined;
  /** Default: `missing`. */
  readonly pull?: PullPolicy | undefined;
  readonly onPullProgress?: ImplicitPullOptions["onPullProgress"] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MOST_PULLS = 3;

/**
 * Calls `make` with the name of an image that is here; once more when others have removed meanwhile
 * what was pulled for it.
 */
export async function withImage<T>(
  context: EngineContext,
  need: ImageNeed,
  make: (image: string) => Promise<T>,
): Promise<T> {
  const { image, platform, signal, pull = "missing", onPullProgress } = need;
  if (pull === "never" || image === "host") return make(image);
  const needed = { image, platform, onProgress: onPullProgress, signal };
  let name = image;
  if (pull === "always") {
    const { pullAlways } = await import("./pull.ts");
    name = await pullAlways(context, needed);
  }
  for (let pulls = 0; ; pulls++) {
    try {
      return await make(name);
    } catch (error) {
      if (pulls === MOST_PULLS || !isMissingImage(error, { image: name, platform })) throw error;
      const { pullMissing } = await import("./pull.ts");
      name = await pullMissing(context, needed, error);
    }
  }
}

/** Or there, for another platform than was asked for. */
function isMissingImage(
  error: unknown,
  { image, platform }: Pick<ImageNeed, "image" | "platform">,
): error is MarmitaError {
  if (isMarmitaError(error, "NOT_FOUND")) return error.details["image"] === image;
  if (platform === undefined || !isMarmitaError(error, "UNSUPPORTED")) return false;
  return error.details["platforms"] !== undefined;
}
