/** The public API, and nothing else. Importing it does nothing, on any system. */
export { type ErrorCode, MarmitaError, isMarmitaError } from "./errors.ts";
export type {
  RegistriesOptions,
  RegistrySettings,
  RegistryTimeouts,
} from "./registry/configuration.ts";
export type { Credentials } from "./registry/credentials.ts";

export type { ApiOptions } from "./api/default-engine.ts";
export { createBundle, openBundle } from "./api/bundles.ts";
export { commit } from "./api/commit.ts";
export { attach, diff, exportContainer, inspect, logs, ps, rm, top } from "./api/containers.ts";
export { create, kill, rename, restart, start, stop, wait } from "./api/lifecycle.ts";
export { type ContainerPath, copyInto, copyOut } from "./api/copy.ts";
export { exec } from "./api/exec.ts";
export { login, logout } from "./api/login.ts";
export {
  history,
  images,
  importImage,
  load,
  pull,
  push,
  rmi,
  save,
  search,
  tag,
} from "./api/images.ts";
export { diskUsage, pruneContainers, pruneImages, pruneSystem } from "./api/prune.ts";
export { run } from "./api/run.ts";
export { runtime } from "./api/runtime.ts";
export { fork } from "./api/fork.ts";
export { type SpawnOptions, type SpawnStdio, spawn } from "./api/spawn.ts";
export type { ContainerProcess, ContainerProcessEvents } from "./api/container-process.ts";
export { events, pause, stats, unpause, watchStats } from "./api/watch.ts";
export { createVolume, inspectVolume, pruneVolumes, removeVolume, volumes } from "./api/volumes.ts";

export type { Bundle } from "./bundles/bundle.ts";
export type { RuntimeFeatures } from "./bundles/features.ts";
export type {
  BundleExit,
  BundleSource,
  BundleStdio,
  CgroupManager,
  CreateBundleContainerOptions,
  DeleteBundleOptions,
  ExecBundleOptions,
  ExecProcessRequest,
  KillBundleOptions,
  RunBundleOptions,
  RunStdio,
  RunningBundleProcess,
  StartBundleOptions,
} from "./bundles/options.ts";
export type { BundleStatus, ContainerState as BundleContainerState } from "./bundles/state.ts";
export type { StateRootOption } from "./bundles/state-root.ts";
export type { BundleOptions, CreateBundleOptions } from "./engine/bundle-options.ts";
export { type Engine, openEngine } from "./engine/engine.ts";
export type { EngineEvent } from "./engine/event-log.ts";
export type { EventFilters } from "./engine/event-filter.ts";
export type { EventsOptions } from "./engine/event-stream.ts";
export type { Container, StartedContainer } from "./engine/container.ts";
export type { DiffOptions } from "./engine/diff.ts";
export type {
  ExecOptions,
  ExecResult,
  ExecSettings,
  StartExecOptions,
} from "./engine/exec-options.ts";
export type { ExportOptions, ExportedContainer } from "./engine/export.ts";
export type { ForkOptions } from "./engine/fork-options.ts";
export type { Snapshot, SnapshotOptions } from "./engine/snapshot.ts";
export type { Containers, CreateAndStartOptions } from "./engine/containers.ts";
export type { ContainerFilters, ListContainersOptions } from "./engine/container-filters.ts";
export type { ContainerSize } from "./engine/container-sizes.ts";
export type { ContainerSummary } from "./engine/list.ts";
export type { Images, RemoveImageOptions } from "./engine/images.ts";
export type { AttachOptions } from "./engine/attach.ts";
export type { AttachedProcess } from "./engine/attached-process.ts";
export type { ContainerCounts, EngineInfo } from "./engine/info.ts";
export { type VersionInfo, versionInfo as version } from "./util/version-info.ts";
export type { CommitOptions } from "./engine/commit.ts";
export type { LoggedIn, LoggedOut, LoginOptions, LogoutOptions } from "./engine/login-options.ts";
export type { LogEntry, LogsOptions } from "./engine/log-entries.ts";
export type { ContainerInspection, InspectOptions } from "./engine/inspect.ts";
export type { ImageInspection } from "./engine/inspect-image.ts";
export type {
  ContainerOptions,
  CreateOptions,
  ImplicitPullOptions,
  NetworkMode,
  PullPolicy,
} from "./engine/container-options.ts";
export type {
  BindMount,
  ImageMount,
  Mount,
  MountRestrictions,
  RecordedImageMount,
  RecordedMount,
  RecordedVolume,
  TmpfsMount,
  VolumeMount,
} from "./engine/mounts.ts";
export type {
  CaptureOption,
  DetachedRunOptions,
  EngineOptions,
  IdsOption,
  Isolation,
  OutputOption,
  RunOptions,
  RunResult,
  StartOptions,
  TerminalSizeOptions,
  StdinOption,
  StorageDriverOption,
} from "./engine/options.ts";
export type {
  PruneContainersOptions,
  PruneImagesOptions,
  PruneSystemOptions,
  PruneVolumesOptions,
  PrunedContainers,
  PrunedSystem,
  PrunedVolumes,
} from "./engine/prune.ts";
export type { PruneFilter } from "./engine/prune-filter.ts";
export type { ContainerRecord, RecordedImage } from "./engine/records.ts";
export type {
  KillOptions,
  SignalName,
  StopOptions,
  WaitCondition,
  WaitOptions,
  WaitResult,
} from "./engine/lifecycle-options.ts";
export type { RemoveOptions } from "./engine/remove.ts";
export type { RenameOptions } from "./engine/rename.ts";
export type { ContainerState, ContainerStatus } from "./engine/state.ts";
export type { ContainerStats, StatsOptions, WatchStatsOptions } from "./engine/stats.ts";
export type { UsageSource } from "./runtime/usage-sample.ts";
export type { PauseOptions, PauseResult } from "./engine/hold.ts";
export type { TopOptions } from "./engine/top.ts";
export type { ProcessTable } from "./runtime/process-table.ts";

export type { Volumes } from "./engine/volume-collection.ts";
export type {
  CreateVolumeOptions,
  RemoveVolumeOptions,
  Volume,
  VolumeInspection,
} from "./engine/volume.ts";
export type { VolumeFilters } from "./engine/volume-filter.ts";

export type { ContainerUsage, DiskUsage, Usage, VolumeUsage } from "./engine/usage.ts";

export type { Propagation } from "./runtime/mount-options.ts";
export type {
  Process as BundleProcess,
  RuntimeSpec,
  SeccompArgument,
  Whole64,
} from "./oci/runtime-spec.ts";
export type { SeccompOption, SecurityOptions } from "./runtime/security.ts";
export type { ProfileRule, RuleCondition, SeccompProfile } from "./runtime/seccomp/profile.ts";
export type { SystemPathsChange, SystemPathsOption } from "./runtime/system-paths.ts";
export type { ConfinementOptions, Device, IpcMode, PidMode } from "./runtime/confinement.ts";
export type { ExecProcess } from "./runtime/exec.ts";
export type { ExitStatus, RunningProcess } from "./runtime/process.ts";
export type { Ulimit, Ulimits } from "./runtime/ulimits.ts";
export type { Descriptor } from "./oci/descriptor.ts";
export type { SearchOptions, SearchResult } from "./registry/search-options.ts";
export type { ByteTarget } from "./images/drain.ts";
export type { ByteSource } from "./images/feed.ts";
export type { CopiedOut, CopyOptions, CopySource, CopyTarget } from "./engine/copy-options.ts";
export type { CopiedFiles } from "./layers/copy.ts";
export type { CommittedImage } from "./images/commit.ts";
export type { Change } from "./layers/diff.ts";
export type { ImageFilters } from "./images/filter.ts";
export type { ImageHistoryEntry } from "./images/history.ts";
export type { Image, ImageLayer } from "./images/image.ts";
export type { ImportOptions } from "./images/import.ts";
export type { LoadOptions, LoadedImage } from "./images/load.ts";
export type { OnProgress, TransferPhase, TransferProgress } from "./images/progress.ts";
export type { PrunedImages } from "./images/prune.ts";
export type { PullOptions, PulledImage } from "./images/pull-options.ts";
export type { PushOptions, PushedImage } from "./images/push.ts";
export type { PushCompression } from "./images/pushed-layer.ts";
export type { ReferrersOptions } from "./images/referrers.ts";
export type { RemovedImage } from "./images/remove.ts";
export type { ImageUsage } from "./images/usage.ts";
export type { SaveFormat, SaveOptions, SavedImage } from "./images/save.ts";
