/** From an index, the manifest for one platform. */
import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import {
  type Platform,
  formatPlatform,
  hostPlatform,
  isUnknownPlatform,
  platformMatches,
} from "../oci/platform.ts";
import { shownWord } from "../util/shown-word.ts";

/** An index may have thousands. */
const MOST_NAMED = 20;

/** Throws `UNSUPPORTED`, naming the platforms there are and the one wanted. */
export function choosePlatform(
  manifests: readonly Descriptor[],
  wanted: Platform,
  what: string,
): Descriptor {
  const images = manifests.filter((descriptor) => !isAttestation(descriptor));
  const match = images.find(({ platform }) => platform && platformMatches(wanted, platform));
  if (match !== undefined) return match;
  // One that does not say is asked again when its config is read.
  const [silent] = images.filter(({ platform }) => platform === undefined);
  if (silent !== undefined) return silent;
  const offered = images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  throw wrongPlatform(what, [...new Set(offered)], wanted);
}

/** Throws `UNSUPPORTED` when an image made for `actual` is not what is wanted. */
export function checkPlatform(actual: Platform, wanted: Platform, what: string): void {
  if (!platformMatches(wanted, actual)) throw wrongPlatform(what, [formatPlatform(actual)], wanted);
}

function isAttestation({ platform, annotations }: Descriptor): boolean {
  return isUnknownPlatform(platform) || annotations?.["vnd.docker.reference.type"] !== undefined;
}

function wrongPlatform(what: string, offered: readonly string[], wanted: Platform): MarmitaError {
  const asked = formatPlatform(wanted);
  const whose = platformMatches(wanted, hostPlatform()) ? "this machine is" : "asked for was";
  const there = offered.length === 0 ? "no platform at all" : listed(offered);
  return new MarmitaError("UNSUPPORTED", `${what} is for ${there}; ${whose} ${asked}`, {
    hint:
      whose === "asked for was"
        ? "Take an image that is made for it, or leave the option platform out."
        : "The option platform takes one for another machine, or for a newer processor.",
    details: { platforms: offered, wanted: asked },
  });
}

function listed(platforms: readonly string[]): string {
  const named = platforms.slice(0, MOST_NAMED).map(shownWord).join(", ");
  const more = platforms.length - MOST_NAMED;
  return more > 0 ? `${named} and ${more} more` : named;
}
