/** What the parts of one engine share. */
import type { ImageLibrary } from "../images/library.ts";
import type { Layers } from "../layers/snapshots.ts";
import type { MappedNamespace } from "../runtime/namespace.ts";
import type { RunningProcess } from "../runtime/process.ts";
import type { StorageDriver } from "../runtime/storage-driver.ts";
import type { Registries } from "../registry/registries.ts";
import type { KeptIds } from "../runtime/userns.ts";
import type { Paths } from "../store/paths.ts";
import type { Work } from "./work.ts";

export interface EngineContext {
  readonly paths: Paths;
  readonly library: ImageLibrary;
  readonly layers: Layers;
  /** Made on first use, the same from then on. Throws `UNSUPPORTED` where there is none. */
  readonly mapped: () => Promise<MappedNamespace>;
  /** The same for those in whose containers the caller is somebody else than root. */
  readonly kept: (ids: KeptIds | undefined) => EngineContext;
  /** Chosen on first use. Throws `UNSUPPORTED` where none works. */
  readonly driver: () => Promise<StorageDriver>;
  /** Loaded and configured on first use. Throws `INVALID_ARGUMENT` for a wrong `registries.json`. */
  readonly registries: () => Promise<Registries>;
  /** Whatever needs the namespace or starts a process: close() waits for its end. */
  readonly work: Work;
  /** What this engine started and has not seen end, by container id. */
  readonly running: Map<string, RunningProcess>;
  /** Further commands in containers, for as long as they run. */
  readonly execs: Set<AsyncDisposable>;
}
