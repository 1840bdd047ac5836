/** The same changes made in Podman's containers: what its `diff` and its committed layer say. */
import { join } from "node:path";
import { temporaryFolder } from "../folder.ts";
import type { Podman } from "../podman.ts";
import type { TarMember } from "../tar-reader.ts";
import { linesOf } from "./diff-lines.ts";
import { topLayer } from "./layer.ts";

/** What one program made of the changes. */
export interface Changed {
  /** Lines `C /etc`, in the order in which they were printed. */
  readonly diff: readonly string[];
  readonly layer: readonly TarMember[];
  /** What the script printed: the cases that failed. */
  readonly printed: string;
}

export interface PodmanChanges {
  readonly image: string;
  readonly script: string;
  /** More arguments of `podman run`. */
  readonly flags?: readonly string[];
}

/** What the image is called that is made of them. */
export const THEIRS = "localhost/changed:by-podman";

/** Run, look, commit, and read what was committed. The container is gone, the image is kept. */
export async function changedByPodman(podman: Podman, changes: PodmanChanges): Promise<Changed> {
  const layout = join(await temporaryFolder(), "layout");
  const printed = makeChanges(podman, changes);
  const diff = linesOf(podman.podman("diff", CONTAINER));
  commitChanges(podman);
  podman.podman("push", "--quiet", THEIRS, `oci:${layout}:changed`);
  return { diff, layer: topLayer(layout), printed };
}

/** Run and commit; podman's `diff` has no word for some changes. What the script printed. */
export function committedByPodman(podman: Podman, changes: PodmanChanges): string {
  const printed = makeChanges(podman, changes);
  commitChanges(podman);
  return printed;
}

const CONTAINER = "changing";

function makeChanges(podman: Podman, { image, script, flags = [] }: PodmanChanges): string {
  const options = [`--name=${CONTAINER}`, "--network=none", ...flags];
  return podman.podman("run", ...options, image, "sh", "-c", script);
}

function commitChanges(podman: Podman): void {
  podman.podman("commit", "--quiet", CONTAINER, THEIRS);
  podman.podman("rm", CONTAINER);
}
