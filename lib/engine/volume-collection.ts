/** The volumes of one data root, for callers: made, found, listed, removed. */
import { removeTree } from "../layers/inside.ts";
import { checkText } from "./checks.ts";
import type { EngineContext } from "./context.ts";
import { explained } from "./failures.ts";
import { type PrunedVolumes, type PruneVolumesOptions, pruneVolumes } from "./prune.ts";
import {
  type CreateVolumeOptions,
  type RemoveVolumeOptions,
  type Volume,
  type VolumeInspection,
  findVolume,
  inspectVolume,
} from "./volume.ts";
import {
  checkCreateVolumeOptions,
  checkPruneVolumesOptions,
  checkRemoveVolumeOptions,
  checkVolumeFilters,
  checkVolumeName,
} from "./volume-checks.ts";
import { type VolumeFilters, volumeTest } from "./volume-filter.ts";
import { anonymousName, listVolumes, makeVolume, noSuchVolume, withdrawVolume } from "./volumes.ts";

export class Volumes {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /**
   * Make a volume. The one of that name, when there is one, is returned as it is. Without a name it
   * gets 64 hexadecimal digits and is anonymous. Throws `INVALID_ARGUMENT` for a name none can have.
   */
  async create(name?: string, options: CreateVolumeOptions = {}): Promise<Volume> {
    if (name !== undefined) checkVolumeName(name);
    checkCreateVolumeOptions(options);
    return explained("make the volume", this.#create(name, options.labels ?? {}));
  }

  async #create(
    asked: string | undefined,
    labels: Readonly<Record<string, string>>,
  ): Promise<Volume> {
    const { paths } = this.#context;
    const name = asked ?? anonymousName();
    for (;;) {
      await makeVolume(paths, { name, anonymous: asked === undefined, labels });
      const volume = await findVolume(paths, name);
      if (volume !== undefined) return volume; // else somebody removed it already
    }
  }

  /** By its name. Throws `NOT_FOUND`. */
  async get(name: string): Promise<Volume> {
    const volume = await this.find(name);
    if (volume === undefined) throw noSuchVolume(name);
    return volume;
  }

  /** The same, without a throw when there is none. */
  async find(name: string): Promise<Volume | undefined> {
    checkText(name, "name");
    if (!canBeName(name)) return undefined;
    return explained("find the volume", findVolume(this.#context.paths, name));
  }

  /** What `docker volume inspect` prints. Throws `NOT_FOUND`. */
  async inspect(name: string): Promise<VolumeInspection> {
    return inspectVolume(await this.get(name));
  }

  /** All there are, or those that `filters` leave, sorted by name; numbers in names count as such. */
  async list(filters: VolumeFilters = {}): Promise<readonly Volume[]> {
    checkVolumeFilters(filters);
    return explained("list the volumes", this.#list(filters));
  }

  async #list(filters: VolumeFilters): Promise<readonly Volume[]> {
    const { paths } = this.#context;
    const test = volumeTest(filters);
    const names = await listVolumes(paths);
    const found = await Promise.all(names.map((name) => findVolume(paths, name)));
    const { compare } = new Intl.Collator("en", { numeric: true });
    return found
      .filter((volume) => volume !== undefined)
      .filter(test)
      .toSorted((one, other) => compare(one.name, other.name));
  }

  /** With all that is in it. Throws `NOT_FOUND`; `CONFLICT` while a container has it. */
  async remove(name: string, options: RemoveVolumeOptions = {}): Promise<void> {
    checkText(name, "name");
    checkRemoveVolumeOptions(options);
    const removing = this.#context.work.begin(() => this.#remove(name, options));
    await explained("remove the volume", removing, options.signal);
  }

  async #remove(name: string, { force = false }: RemoveVolumeOptions): Promise<void> {
    const { paths, mapped } = this.#context;
    const path = canBeName(name) ? await withdrawVolume(paths, name) : undefined;
    if (path !== undefined) await removeTree((await mapped()).namespace, [path]);
    else if (!force) throw noSuchVolume(name);
  }

  /** Anonymous ones that no container has; with `all`, also those with a name. */
  async prune(options: PruneVolumesOptions = {}): Promise<PrunedVolumes> {
    checkPruneVolumesOptions(options);
    const pruning = this.#context.work.begin(() => pruneVolumes(this.#context, options));
    return explained("prune volumes", pruning, options.signal);
  }
}

/** Nothing else is looked for on the disk. */
function canBeName(name: string): boolean {
  try {
    checkVolumeName(name);
    return true;
  } catch {
    return false;
  }
}
