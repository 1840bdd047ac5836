/** Makes an image of what a container wrote: its layer packed, on top of those of its image. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { applyChanges } from "../images/changes.ts";
import type { Committed, CommittedImage, CommittedLayer } from "../images/commit.ts";
import { packLayer } from "../layers/pack.ts";
import type { Compression } from "../oci/media-types.ts";
import { parseUserns } from "../runtime/userns.ts";
import { sourceDateEpoch } from "../util/source-date-epoch.ts";
import { baseOf } from "./base-image.ts";
import { committedConfig } from "./committed-config.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { noSuchContainer } from "./find.ts";
import { noteTagged } from "./image-events.ts";
import { readConfig } from "./inspect.ts";
import { callerIds } from "./kept-context.ts";
import { lookAtLive } from "./live.ts";
import { type Pause, pauseContainer } from "./pause.ts";
import type { ContainerRecord } from "./records.ts";
import { levelsOf, writableLayer } from "./writable-layer.ts";
import { lockWritable } from "./writable-lock.ts";

export interface CommitOptions {
  /** Whose work it is: `A. Author <author@example.com>`. */
  readonly author?: string;
  /** Why: the comment of the image's last line of history. */
  readonly message?: string;
  /** Dockerfile instructions, one each, over what the container was made with: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  /**
   * Whether a container that runs stands still meanwhile, so that what is read of its files
   * belongs together. Without, what it wrote to files that are open may be missing under
   * fuse-overlayfs. Default: true.
   */
  readonly pause?: boolean;
  /** Of the new layer. Default: `gzip`, which every tool reads. */
  readonly compression?: Compression;
  /**
   * When the image says it was made, in seconds since 1970; no file in it is newer. The same content
   * then gives the same digest. Default: the environment's `SOURCE_DATE_EPOCH`, else now.
   */
  readonly sourceDateEpoch?: number;
  readonly signal?: AbortSignal;
}

/** Of a container that runs or not. Rejects with nothing left behind. */
export async function commitContainer(
  context: EngineContext,
  record: ContainerRecord,
  { name, ...options }: CommitOptions & { readonly name?: string | undefined },
): Promise<CommittedImage> {
  const { author, message, signal, compression = "gzip" } = options;
  checkIsOfImage(record);
  // It takes a few milliseconds, in which there is other work. What fails, fails again.
  void context.mapped().catch(() => undefined);
  const epoch = options.sourceDateEpoch ?? sourceDateEpoch();
  const committed = await context.library.commit({
    name,
    author,
    message,
    epoch,
    compression,
    signal,
    prepare: async () => {
      try {
        return await prepare(context, record, { ...options, compression, epoch });
      } catch (error) {
        await checkIsThere(context, record);
        throw error;
      }
    },
  });
  const { id, names } = committed;
  const attributes = { comment: message ?? "", imageID: id, imageRef: names[0] ?? "" };
  recordContainer(context, "commit", { container: record, attributes });
  for (const one of names) noteTagged(context, id, one);
  return committed;
}

interface PreparedOptions extends CommitOptions {
  readonly compression: Compression;
  readonly epoch: number | undefined;
}

async function prepare(
  context: EngineContext,
  record: ContainerRecord,
  options: PreparedOptions,
): Promise<Committed> {
  const [base, { process }] = await Promise.all([
    baseOf(context, record),
    readConfig(join(context.paths.container(record.id), "config.json")),
  ]);
  const source = { record, process, image: base.config.config, kept: keptIn(record) };
  return {
    base,
    defaults: applyChanges(committedConfig(source), options.changes ?? []),
    createdBy: record.command.slice(record.entrypointWords).join(" "),
    pack: (outputs) => pack(context, record, { ...options, outputs }),
  };
}

async function pack(
  context: EngineContext,
  record: ContainerRecord,
  options: PreparedOptions & { readonly outputs: (level: number) => string },
): Promise<readonly CommittedLayer[]> {
  const { outputs, compression, epoch, signal, pause = true } = options;
  using _held = await lockWritable(context.paths, record, { mode: "shared", signal });
  const layer = await writableLayer(context, record);
  const { namespace, driver } = layer;
  if (layer.uppers.length === 0) throw noImageOf(record);
  const paused = pause ? await pauseRunning(context, record, signal) : undefined;
  try {
    const packed: CommittedLayer[] = [];
    for (const [level, { directory, lowers, skip }] of levelsOf(layer).toReversed().entries()) {
      const file = outputs(level);
      const one = await packLayer(namespace, {
        upper: directory,
        lowers,
        skip,
        driver,
        output: file,
        compression,
        ...(epoch !== undefined && { epoch }),
        ...(signal !== undefined && { signal }),
      });
      packed.push({ ...one, file });
    }
    return packed;
  } finally {
    await paused?.[Symbol.asyncDispose]();
    await checkIsThere(context, record);
  }
}

async function pauseRunning(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<Pause | undefined> {
  const live = lookAtLive(context.paths, record.id);
  if (live?.isHeld !== true || live.content.startedAt === undefined) return undefined;
  return pauseContainer(context, record, signal);
}

/** One that is removed goes out of sight before its files go: what was read until now was whole. */
async function checkIsThere({ paths }: EngineContext, { id, name }: ContainerRecord) {
  const found = await stat(paths.container(id)).catch(() => undefined);
  if (found === undefined) throw noSuchContainer(name);
}

function keptIn({ confinement: { userns = "auto" } }: ContainerRecord) {
  return parseUserns(userns, callerIds());
}

function checkIsOfImage(record: ContainerRecord): void {
  if (record.image.id === undefined) throw noImageOf(record);
}

function noImageOf({ id, name, image }: ContainerRecord): MarmitaError {
  const message = `container ${name} of image ${image.name} cannot become an image`;
  return new MarmitaError("UNSUPPORTED", message, {
    hint: "Its root file system is this machine's own: there are no layers to put the changes on.",
    details: { container: id, image: image.name },
  });
}
