/** The pull that `run` and `create` begin with where the image is not here: told on stderr. */
import type { OnProgress, TransferProgress } from "../images/progress.ts";
import { familiar, parseReference } from "../oci/reference.ts";
import type { ShownProgress } from "./progress.ts";
import type { RunSettings } from "./run-options.ts";

/** Until `work` tells something nothing is pulled, and nothing loaded that shows it. */
export async function showingPull<T>(
  settings: Pick<RunSettings, "create" | "quiet">,
  work: (onPullProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const early: TransferProgress[] = [];
  let shown: ShownProgress | undefined;
  const begin = async () => {
    shown = await beginShowing(settings);
    for (const progress of early) shown.onProgress(progress);
  };
  let beginning: Promise<void> | undefined;
  try {
    return await work((progress) => {
      if (shown !== undefined) return shown.onProgress(progress);
      early.push(progress);
      if (beginning !== undefined) return;
      beginning = begin();
      beginning.catch(() => undefined); // in the end it is waited for
    });
  } finally {
    await beginning;
    shown?.[Symbol.dispose]();
  }
}

async function beginShowing({
  create: { image, pull },
  quiet,
}: Pick<RunSettings, "create" | "quiet">): Promise<ShownProgress> {
  const { showProgress } = await import("./progress.ts");
  const shown = showProgress({ verb: "pull", descriptor: 2, quiet });
  if (pull === "missing") {
    shown.say(`Unable to find image '${familiar(parseReference(image))}' locally`);
  }
  return shown;
}
