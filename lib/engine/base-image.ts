/** The image that a container was made of, whatever its name means by now. */
import { MarmitaError } from "../errors.ts";
import type { ImageContent } from "../images/image.ts";
import type { EngineContext } from "./context.ts";
import type { ContainerRecord } from "./records.ts";

/** As long as there is a container of it, no collector takes an image away. */
export async function baseOf(
  { library }: EngineContext,
  { name, image }: ContainerRecord,
): Promise<ImageContent> {
  const { id = "" } = image;
  // To look for an id all images are read; the name leads to one, which mostly is the same still.
  const named = await library.findStored(image.name).catch(() => undefined);
  const found = named?.content.id === id ? named : await library.findStored(id);
  if (found !== undefined) return found.content;
  throw new MarmitaError("NOT_FOUND", `the image of container ${name} is gone: ${image.name}`, {
    hint: "Load it again: what the container wrote is only the difference to it.",
    details: { image: image.id },
  });
}
