/** The pull that `run` and `create` begin with where the image is not here: told on stderr. */
import type { OnProgress } from "../images/progress.ts";
import { familiar, parseReference } from "../oci/reference.ts";
import { showProgress, type ShownProgress } from "./progress.ts";
import type { RunSettings } from "./run-options.ts";

/** Until it is told something, nothing is pulled and nothing shown. */
export class ImplicitPull implements Disposable {
  readonly onProgress: OnProgress;
  #shown: ShownProgress | undefined;

  constructor({ create: { image, pull }, quiet }: Pick<RunSettings, "create" | "quiet">) {
    this.onProgress = (progress) => {
      if (this.#shown === undefined) {
        this.#shown = showProgress({ verb: "pull", descriptor: 2, quiet });
        const name = familiar(parseReference(image));
        if (pull === "missing") this.#shown.say(`Unable to find image '${name}' locally`);
      }
      this.#shown.onProgress(progress);
    };
  }

  [Symbol.dispose](): void {
    this.#shown?.[Symbol.dispose]();
  }
}
