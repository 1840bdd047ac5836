/** What happened to images, as events: one for each image, or for each of its names. */
import type { LoadedImage } from "../images/load.ts";
import type { PulledImage } from "../images/pull-options.ts";
import type { PrunedImages } from "../images/prune.ts";
import type { PushedImage } from "../images/push.ts";
import type { RemovedImage } from "../images/remove.ts";
import type { SavedImage } from "../images/save.ts";
import { familiar, familiarName, parseReference } from "../oci/reference.ts";
import type { EngineContext } from "./context.ts";
import { type ImageAction, record } from "./events.ts";

type Noting = Pick<EngineContext, "paths">;

function note(
  context: Noting,
  action: ImageAction,
  { id, name = id }: { readonly id: string; readonly name?: string | undefined },
): void {
  record(context, { type: "image", action, id, attributes: { name } });
}

export function noteLoaded(
  context: Noting,
  action: "load" | "import",
  images: readonly LoadedImage[],
): void {
  for (const { id, names } of images) note(context, action, { id, name: names[0] });
}

export function noteSaved(context: Noting, images: readonly SavedImage[]): void {
  for (const { id, names } of images) note(context, "save", { id, name: names[0] });
}

/** As Docker, by name alone. */
export function notePushed(context: Noting, { name }: PushedImage): void {
  note(context, "push", { id: name, name: familiarName(parseReference(name)) });
}

/** As in Docker, the id is the name. */
export function notePulled(context: Noting, { reference }: Pick<PulledImage, "reference">): void {
  const parsed = parseReference(reference);
  note(context, "pull", { id: familiar(parsed), name: familiarName(parsed) });
}

export function noteTagged(context: Noting, id: string, name: string): void {
  note(context, "tag", { id, name });
}

/** `id` where the image is still there. */
export function noteRemoved(
  context: Noting,
  { untagged, deleted }: RemovedImage,
  id: string | undefined = deleted[0],
): void {
  for (const name of untagged) note(context, "untag", { id: id ?? name, name });
  if (deleted[0] !== undefined) note(context, "delete", { id: deleted[0] });
}

export function notePruned(context: Noting, { images, reclaimedBytes }: PrunedImages): void {
  for (const image of images) noteRemoved(context, image);
  const attributes = { reclaimed: String(reclaimedBytes) };
  record(context, { type: "image", action: "prune", id: "", attributes });
}
