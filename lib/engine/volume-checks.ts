/** Checks of what is asked of volumes. */
import { abortSignal, check, type Checks, flag, words } from "../util/check.ts";
import { moment } from "./checks.ts";
import { labels, volumeName } from "./mount-checks.ts";
import type { PruneVolumesOptions } from "./prune.ts";
import type { CreateVolumeOptions, RemoveVolumeOptions } from "./volume.ts";
import type { VolumeFilters } from "./volume-filter.ts";

const creating: Checks<CreateVolumeOptions> = { labels };
const filters: Checks<VolumeFilters> = {
  dangling: flag,
  names: words,
  drivers: words,
  labels: words,
  withoutLabels: words,
  until: moment,
};
const removing: Checks<RemoveVolumeOptions> = { force: flag, signal: abortSignal };
const pruning: Checks<PruneVolumesOptions> = {
  until: moment,
  labels: words,
  exceptLabels: words,
  all: flag,
  signal: abortSignal,
};

/** Each of these throws `INVALID_ARGUMENT`. */
export function checkVolumeName(name: string): void {
  volumeName(name, "name");
}

export function checkCreateVolumeOptions(options: CreateVolumeOptions): void {
  check(creating, options);
}

export function checkVolumeFilters(options: VolumeFilters): void {
  check(filters, options);
}

export function checkRemoveVolumeOptions(options: RemoveVolumeOptions): void {
  check(removing, options);
}

export function checkPruneVolumesOptions(options: PruneVolumesOptions): void {
  check(pruning, options);
}
