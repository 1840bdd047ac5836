/** A container's files as layers: what they are compared with their image, as an image, as a tar. */
import type { CommittedImage } from "../images/commit.ts";
import type { ByteTarget } from "../images/drain.ts";
import type { Change } from "../layers/diff.ts";
import { checkCommitOptions, checkDiffOptions, checkExportOptions, checkText } from "./checks.ts";
import type { CommitOptions } from "./commit.ts";
import type { EngineContext } from "./context.ts";
import type { DiffOptions } from "./diff.ts";
import type { ExportOptions, ExportedContainer } from "./export.ts";
import { explained } from "./failures.ts";
import { WatchedContainer } from "./watched-container.ts";

/** See `Container`. */
export abstract class LayeredContainer extends WatchedContainer {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    super(context);
    this.#context = context;
  }

  /**
   * What it changed in the files of its image, sorted by path; also while it runs. Mount points are
   * left out. Throws `NOT_FOUND` when it was removed.
   */
  async diff(options: DiffOptions = {}): Promise<readonly Change[]> {
    checkDiffOptions(options);
    const comparing = this.#context.work.begin(async () => {
      const { diffContainer } = await import("./diff.ts");
      return diffContainer(this.#context, this.record, options);
    });
    return explained("compare the container's files", comparing, options.signal);
  }

  /**
   * Make an image of what it wrote, running or not, on top of its image, and give it `name`, which
   * another image may lose by it. Throws `UNSUPPORTED` for what cannot be an image: image `host`.
   */
  async commit(name?: string, options: CommitOptions = {}): Promise<CommittedImage> {
    if (name !== undefined) checkText(name, "name");
    checkCommitOptions(options);
    const committing = this.#context.work.begin(async () => {
      const { commitContainer } = await import("./commit.ts");
      return commitContainer(this.#context, this.record, { ...options, name });
    });
    return explained("commit the container", committing, options.signal);
  }

  /**
   * All its files, its image's with what it changed, as one tar to a path, a stream or a descriptor;
   * also while it runs. What is mounted is no part of it, nor is where. `import` takes it back. With a path, there is the whole tar under it in the end, or what was there before.
   */
  async export(target: ByteTarget, options: ExportOptions = {}): Promise<ExportedContainer> {
    if (typeof target === "string") checkText(target, "target");
    checkExportOptions(options);
    const exporting = this.#context.work.begin(async () => {
      const { exportContainer } = await import("./export.ts");
      return exportContainer(this.#context, this.record, { ...options, target });
    });
    return explained("export the container", exporting, options.signal);
  }
}
