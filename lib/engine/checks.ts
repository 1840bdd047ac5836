/** Options checked at the door: every wrong value is refused by name, with the value quoted. */
import { Readable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import type { ImageFilters } from "../images/filter.ts";
import type { ImportOptions } from "../images/import.ts";
import type { LoadOptions } from "../images/load.ts";
import type { PushOptions } from "../images/push.ts";
import type { ReferrersOptions } from "../images/referrers.ts";
import type { PullOptions } from "../images/pull-options.ts";
import type { RemoveOptions as RemoveImageOptions } from "../images/remove.ts";
import type { SaveOptions } from "../images/save.ts";
import { checkTogether } from "../runtime/confinement.ts";
import {
  abortSignal,
  check,
  type Checks,
  entries,
  flag,
  oneOf,
  text,
  wholeNumber,
  word,
  words,
  wrong,
} from "../util/check.ts";
import { parseMoment } from "../util/moment.ts";
import { LATEST_EPOCH } from "../util/source-date-epoch.ts";
import { CONTAINER_CHECKS } from "./container-checks.ts";
import { checkSharedNetwork } from "./networking.ts";
import type { AttachOptions } from "./attach.ts";
import type { CommitOptions } from "./commit.ts";
import type { ListContainersOptions } from "./container-filters.ts";
import type { CreateOptions, ImplicitPullOptions } from "./container-options.ts";
import type { CopyOptions } from "./copy-options.ts";
import type { DiffOptions } from "./diff.ts";
import type { ExportOptions } from "./export.ts";
import type { ForkOptions } from "./fork-options.ts";
import { HEALTH_STATUSES } from "./health.ts";
import type { InspectOptions } from "./inspect.ts";
import { refuseLimits } from "./limits.ts";
import type { EngineOptions, RunOptions, StartOptions, TerminalSizeOptions } from "./options.ts";
import type { LogsOptions } from "./log-entries.ts";
import type { PruneContainersOptions, PruneImagesOptions, PruneSystemOptions } from "./prune.ts";
import type { PruneFilter } from "./prune-filter.ts";
import { callback, credentials } from "./registry-checks.ts";
import type { RemoveOptions } from "./remove.ts";
import { checkRestartAndRemove } from "./restart-policy.ts";
import { STATUSES } from "./state.ts";

const TIMER_MAX_MS = 2 ** 31 - 1; // setTimeout() fires at once beyond it

const size = wholeNumber("characters", 1, 65_535); // what a struct winsize holds
const terminalSize: Checks<TerminalSizeOptions> = { columns: size, rows: size };
const implicitPull: Checks<ImplicitPullOptions> = {
  pull: oneOf("missing", "always", "never"),
  onPullProgress: callback,
};
const create: Checks<CreateOptions> = {
  ...CONTAINER_CHECKS,
  ...implicitPull,
  image: word,
  command: words,
};
const start: Checks<StartOptions> = {
  stdin: oneOf("pipe", "inherit", "ignore"),
  stdout: oneOf("pipe", "inherit", "ignore"),
  stderr: oneOf("pipe", "inherit", "ignore"),
  ...terminalSize,
  detach: flag,
  signal: abortSignal,
};
const run: Checks<RunOptions> = {
  ...CONTAINER_CHECKS,
  ...implicitPull,
  ...terminalSize,
  stdin: oneOf("inherit", "ignore"),
  input,
  stdout: oneOf("capture", "inherit", "ignore"),
  stderr: oneOf("capture", "inherit", "ignore"),
  encoding: oneOf("utf8", "buffer"),
  maxOutputBytes: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
  timeoutMs: wholeNumber("milliseconds", 1, TIMER_MAX_MS),
  signal: abortSignal,
};
const engine: Checks<EngineOptions> = {
  root: word,
  ids: oneOf("auto", "subids", "single"),
  storageDriver: oneOf("auto", "overlay", "fuse-overlayfs"),
  registries: (value, name) => void entries(value, name), // the rest: where it is loaded
};
const load: Checks<LoadOptions> = { name: word, platform: word, signal: abortSignal };
const pull: Checks<PullOptions> = {
  platform: word,
  auth: credentials,
  tlsVerify: flag,
  downloads: wholeNumber("downloads", 1, 64),
  onProgress: callback,
  signal: abortSignal,
};
const save: Checks<SaveOptions> = {
  format: oneOf("docker-archive", "oci-archive", "oci-dir"),
  uncompressed: flag,
  platform: word,
  signal: abortSignal,
};
const referrers: Checks<ReferrersOptions> = {
  artifactType: word,
  auth: credentials,
  tlsVerify: flag,
  signal: abortSignal,
};
const push: Checks<PushOptions> = {
  compression: oneOf("keep", "gzip", "zstd"),
  auth: credentials,
  tlsVerify: flag,
  onProgress: callback,
  signal: abortSignal,
};
const importing: Checks<ImportOptions> = {
  changes: words,
  message: text,
  platform: word,
  signal: abortSignal,
};
const imageFilters: Checks<ImageFilters> = {
  intermediate: flag,
  dangling: flag,
  labels: words,
  withoutLabels: words,
  before: word,
  since: word,
  until: moment,
  references: words,
};
const commit: Checks<CommitOptions> = {
  author: text,
  message: text,
  changes: words,
  pause: flag,
  compression: oneOf("gzip", "zstd", "none"),
  sourceDateEpoch: wholeNumber("seconds", 0, LATEST_EPOCH),
  signal: abortSignal,
};
const removeImage: Checks<RemoveImageOptions> = {
  force: flag,
  prune: flag,
  signal: abortSignal,
};
const copying: Checks<CopyOptions> = { keepOwners: flag, followLinks: flag, signal: abortSignal };
const diff: Checks<DiffOptions> = { signal: abortSignal };
const pruneFilter: Checks<PruneFilter> = { until: moment, labels: words, exceptLabels: words };
const pruneImages: Checks<PruneImagesOptions> = { ...pruneFilter, all: flag, signal: abortSignal };
const inspect: Checks<InspectOptions> = { size: flag };
const listContainers: Checks<ListContainersOptions> = {
  running: flag,
  ids: words,
  names: words,
  labels: words,
  statuses,
  exitCodes,
  health,
  ancestors: words,
  before: word,
  since: word,
  volumes: words,
  networks: words,
  exposed: words,
  last: wholeNumber("containers", 0, Number.MAX_SAFE_INTEGER),
  size: flag,
};
const attach: Checks<AttachOptions> = {
  stdin: oneOf("pipe", "ignore"),
  stdout: oneOf("pipe", "ignore"),
  stderr: oneOf("pipe", "ignore"),
  stdinOnce: flag,
  signal: abortSignal,
};
const logs: Checks<LogsOptions> = {
  follow: flag,
  tail: wholeNumber("lines", 0, Number.MAX_SAFE_INTEGER),
  since: moment,
  until: moment,
  signal: abortSignal,
};
const exporting: Checks<ExportOptions> = { signal: abortSignal };
const remove: Checks<RemoveOptions> = { force: flag, volumes: flag, signal: abortSignal };

/** What the arguments of `run` are. */
export interface RunRequest {
  readonly image: string;
  readonly command?: readonly string[] | undefined;
  readonly options: RunOptions;
}

const { userns: _userns, platform: _platform, volumesFrom: _from, ...forkable } = CONTAINER_CHECKS;
const fork: Checks<ForkOptions> = { ...forkable, command: words, signal: abortSignal };

/** Each of these throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what is known but not there. */
export function checkCreateOptions(options: CreateOptions): void {
  refuseLimits(options);
  check(create, options);
  checkSharedNetwork(options);
  if (options.image === undefined) throw wrong("image", "the name or id of an image", undefined);
  checkTogether(options);
  checkRestartAndRemove(options);
}

export function checkSnapshotOptions(options: { readonly signal?: AbortSignal }): void {
  check({ signal: abortSignal }, options);
}

/** Whether it has a terminal, its container's record says. */
export function checkForkAndStart(options: ForkOptions, startOptions: StartOptions): void {
  check(fork, options);
  check(start, startOptions);
}

export function checkForkOptions(options: ForkOptions): void {
  check(fork, options);
}

export function checkStartOptions(options: StartOptions): void {
  check(start, options);
}

/** What goes together depends on whether the container has a terminal. */
export function checkTerminalOptions(tty: boolean, options: StartOptions | RunOptions): void {
  const names = tty ? (["stdin", "stdout", "stderr"] as const) : (["columns", "rows"] as const);
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const name of names) {
    const value = given[name];
    if (tty ? value !== "inherit" : value === undefined) continue;
    const message = tty
      ? `option "${name}" cannot be "inherit" with a terminal: its streams are the terminal's`
      : `option "${name}" is of a terminal, which the container does not have`;
    throw new MarmitaError("INVALID_ARGUMENT", message, { details: { option: name } });
  }
}

export function checkLoadOptions(options: LoadOptions): void {
  check(load, options);
}

export function checkPushOptions(options: PushOptions): void {
  check(push, options);
}

export function checkReferrersOptions(options: ReferrersOptions): void {
  check(referrers, options);
}

export function checkPullOptions(options: PullOptions): void {
  check(pull, options);
}

export function checkSaveOptions(options: SaveOptions): void {
  check(save, options);
}

export function checkImageFilters(filters: ImageFilters): void {
  check(imageFilters, filters);
}

export function checkImportOptions(options: ImportOptions): void {
  check(importing, options);
}

export function checkCommitOptions(options: CommitOptions): void {
  check(commit, options);
}

export function checkListContainersOptions(options: ListContainersOptions): void {
  check(listContainers, options);
}

/** Of a container. */
export function checkInspectOptions(options: InspectOptions): void {
  check(inspect, options);
}

/** Of a container. */
export function checkRemoveOptions(options: RemoveOptions): void {
  check(remove, options);
}

export function checkExportOptions(options: ExportOptions): void {
  check(exporting, options);
}

export function checkAttachOptions(options: AttachOptions): void {
  check(attach, options);
}

export function checkLogsOptions(options: LogsOptions): void {
  check(logs, options);
  for (const when of [options.since, options.until]) {
    if (typeof when === "string") parseMoment(when);
  }
}

export function checkCopyOptions(options: CopyOptions): void {
  check(copying, options);
}

export function checkDiffOptions(options: DiffOptions): void {
  check(diff, options);
}

export function checkRemoveImageOptions(options: RemoveImageOptions): void {
  check(removeImage, options);
}

function statuses(value: unknown, name: string): void {
  words(value, name);
  for (const status of value as readonly string[]) oneOf(...STATUSES)(status, name);
}

function health(value: unknown, name: string): void {
  words(value, name);
  for (const one of value as readonly string[]) oneOf(...HEALTH_STATUSES, "none")(one, name);
}

function exitCodes(value: unknown, name: string): void {
  if (Array.isArray(value) && value.every(Number.isSafeInteger)) return;
  throw wrong(name, "an array of whole numbers", value);
}

/** A time, or a text that is read as one. */
export function moment(value: unknown, name: string): void {
  if (!(value instanceof Date)) return word(value, name);
  if (Number.isNaN(value.getTime())) throw wrong(name, "a valid date", value);
}

export function checkPruneContainersOptions(options: PruneContainersOptions): void {
  check<PruneContainersOptions>({ ...pruneFilter, signal: abortSignal }, options);
}

export function checkPruneImagesOptions(options: PruneImagesOptions): void {
  check(pruneImages, options);
}

export function checkPruneSystemOptions(options: PruneSystemOptions): void {
  check<PruneSystemOptions>({ ...pruneImages, volumes: flag }, options);
  if (options.volumes !== true || options.until === undefined) return;
  throw new MarmitaError("INVALID_ARGUMENT", 'options "until" and "volumes" exclude each other');
}

/** `what` is the argument's name: one that is a name, an id or a path. */
export function checkText(value: string, what: string): void {
  text(value, what);
}

/** The same for several. */
export function checkWords(value: readonly string[], what: string): void {
  words(value, what);
}

/** Beside options that are checked. */
export function checkSignal(value: AbortSignal | undefined): void {
  if (value !== undefined) abortSignal(value, "signal");
}

export function checkEngineOptions(options: EngineOptions): void {
  check(engine, options);
}

export function checkRun({ image, command, options }: RunRequest): void {
  refuseLimits(options);
  check(run, options);
  checkSharedNetwork(options);
  word(image, "image");
  if (command !== undefined) words(command, "command");
  checkTogether(options);
  checkRestartAndRemove(options);
  if (options.input !== undefined && options.stdin !== undefined) {
    throw new MarmitaError("INVALID_ARGUMENT", 'options "input" and "stdin" exclude each other');
  }
  checkTerminalOptions(options.tty === true, options);
}

function input(value: unknown, name: string): void {
  if (typeof value === "string" || value instanceof Uint8Array || value instanceof Readable) return;
  throw wrong(name, "a string, bytes or a Readable", value);
}
