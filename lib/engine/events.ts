/** What happens to containers, images and volumes is noted: record(). */
import type { EngineContext } from "./context.ts";
import { appendEvent } from "./event-log.ts";
import type { ContainerRecord, RecordedImage } from "./records.ts";

/** Docker's words; what a command is told after a colon. */
export type ContainerAction =
  | "archive-path"
  | "attach"
  | "commit"
  | "copy"
  | "create"
  | "destroy"
  | "detach"
  | "die"
  | `exec_create: ${string}`
  | "exec_detach"
  | "exec_die"
  | `exec_start: ${string}`
  | "export"
  | "extract-to-dir"
  | `health_status: ${string}`
  | "kill"
  | "pause"
  | "prune"
  | "rename"
  | "resize"
  | "restart"
  | "start"
  | "stop"
  | "top"
  | "unpause"
  | "update";

export type ImageAction =
  | "delete"
  | "import"
  | "load"
  | "prune"
  | "pull"
  | "push"
  | "save"
  | "tag"
  | "untag";

export type VolumeAction = "create" | "destroy" | "mount" | "prune" | "unmount";

/** Something that has happened to a container, an image or a volume. */
export type Happening =
  | ({ readonly type: "container"; readonly action: ContainerAction } & Actor)
  | ({ readonly type: "image"; readonly action: ImageAction } & Actor)
  | ({ readonly type: "volume"; readonly action: VolumeAction } & Actor);

interface Actor {
  /** A container's id, an image's id or name, a volume's name; `""` where there were several. */
  readonly id: string;
  /** What Docker tells of it. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * Note it, after it has happened. Fails nobody's work: where it cannot be written, it is not. Not
 * synced: what a power cut takes was of the time before it.
 */
export function record({ paths }: Pick<EngineContext, "paths">, happening: Happening): void {
  const { type, action, id, attributes = {} } = happening;
  try {
    appendEvent(paths, {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      timeNano: nowNano(),
    });
  } catch {
    // A full disk, a data root that went: whoever works there hears of it anyway.
  }
}

/** Most characters of labels that are told with each event. */
const MAX_LABELS = 16_384;

/** What is told of a container each time, but for its name: of its image and its labels. */
export function eventAttributes(
  image: Pick<RecordedImage, "name">,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const all = { ...labels, image: image.name };
  return JSON.stringify(all).length > MAX_LABELS ? { image: image.name } : all;
}

/** The same as record(), of a container. */
export function recordContainer(
  context: Pick<EngineContext, "paths">,
  action: ContainerAction,
  {
    container: { id, name, image, labels },
    attributes = {},
  }: {
    readonly container: Pick<ContainerRecord, "id" | "name" | "image" | "labels">;
    /** What is told of this action: `{ signal: "15" }`. */
    readonly attributes?: Readonly<Record<string, string>>;
  },
): void {
  const all = { ...eventAttributes(image, labels), name, ...attributes };
  record(context, { type: "container", action, id, attributes: all });
}

/** The clock of the machine, finer than Date.now() where that can be had. */
function nowNano(): bigint {
  const now = Date.now();
  const fine = performance.timeOrigin + performance.now() - now;
  const part = Math.min(Math.max(fine, 0), 0.999_999);
  return BigInt(now) * 1_000_000n + BigInt(Math.trunc(part * 1_000_000));
}
