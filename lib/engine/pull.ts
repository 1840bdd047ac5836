/** Images from registries: asked for, or missing where a container is made. */
import { type MarmitaError, isMarmitaError } from "../errors.ts";
import type { OnProgress } from "../images/progress.ts";
import type { PullOptions, PulledImage } from "../images/pull-options.ts";
import { NOT_THERE, candidatesOf, parsePullName } from "../images/short-names.ts";
import { canonical, familiar } from "../oci/reference.ts";
import { isBlocked } from "../registry/endpoints.ts";
import type { EngineContext } from "./context.ts";
import { notePulled } from "./image-events.ts";

/** Options are checked. */
export async function pullImage(
  context: EngineContext,
  name: string,
  options: PullOptions,
): Promise<PulledImage> {
  const sources = await context.registries();
  const { shortNames } = sources.configuration;
  const pulled = await context.library.pull(name, { ...options, sources, shortNames });
  notePulled(context, pulled);
  return pulled;
}

/** The same for all tags of a repository. */
export async function pullAllTags(
  context: EngineContext,
  repository: string,
  options: PullOptions,
): Promise<readonly PulledImage[]> {
  const sources = await context.registries();
  const { shortNames } = sources.configuration;
  const all = await context.library.pullAll(repository, { ...options, sources, shortNames });
  for (const pulled of all) notePulled(context, pulled);
  return all;
}

export interface NeededImage {
  /** As the caller wrote it. */
  readonly image: string;
  readonly platform?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Whatever is here. Returns what the image is called here. */
export async function pullAlways(context: EngineContext, needed: NeededImage): Promise<string> {
  const { image, ...options } = needed;
  return nameOf(image, await pullImage(context, image, options));
}

/**
 * What is not here, or for another platform, which `missing` says. It is thrown where there is nobody
 * to ask, or nobody has one for that platform either. Returns what the image is called here.
 */
export async function pullMissing(
  context: EngineContext,
  needed: NeededImage,
  missing: MarmitaError,
): Promise<string> {
  const { image, ...options } = needed;
  if (!isPullable(image)) throw missing;
  const { configuration } = await context.registries();
  const candidates = candidatesOf(image, configuration.shortNames);
  if (missing.code === "NOT_FOUND") {
    for (const reference of candidates) {
      const known = canonical(reference);
      if ((await context.library.find(known)) !== undefined) return familiar(reference);
    }
  }
  if (candidates.every(({ domain }) => isBlocked(configuration, domain))) throw missing;
  try {
    return nameOf(image, await pullImage(context, image, options));
  } catch (error) {
    const isNotThere = NOT_THERE.some((code) => isMarmitaError(error, code));
    throw isNotThere && missing.code !== "NOT_FOUND" ? missing : error;
  }
}

/** Ids are not. */
function isPullable(image: string): boolean {
  try {
    parsePullName(image);
    return true;
  } catch {
    return false;
  }
}

function nameOf(asked: string, { reference }: PulledImage): string {
  const meant = parsePullName(asked);
  const { tag: _tag, ...exact } = meant;
  const name = meant.digest === undefined ? canonical(meant) : canonical(exact);
  return name === reference ? asked : familiar(parsePullName(reference));
}
