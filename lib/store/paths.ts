/** Every path under the data root, and nothing but paths. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

import { MarmitaError } from "../errors.ts";
import { type ChainId, type Digest, hexOf } from "../oci/digest.ts";
import { said } from "../util/said.ts";

/** Where everything is kept, when nobody says otherwise. */
export function dataRoot(explicit?: string, env: NodeJS.ProcessEnv = process.env): string {
  const asked = explicit ?? said(env["MARMITA_ROOT"]);
  if (asked !== undefined) {
    if (asked === "" || asked.includes("\0")) {
      throw new MarmitaError(
        "INVALID_ARGUMENT",
        `not a directory's name: ${JSON.stringify(asked)}`,
      );
    }
    return resolve(asked);
  }
  // The base directory specification has relative paths ignored.
  const data = said(env["XDG_DATA_HOME"]);
  if (data !== undefined && isAbsolute(data)) return join(data, "marmita");
  return join(said(env["HOME"]) ?? homedir(), ".local", "share", "marmita");
}

export class Paths {
  readonly root: string;
  /** An OCI image layout. */
  readonly images: string;
  readonly blobs: string;
  readonly index: string;
  /** Blobs on their way from registries: `<hex>.part`, locked while it grows, then `<hex>`. */
  readonly downloads: string;
  readonly layers: string;
  readonly containers: string;
  /** One link per container name, whose text is the container's id. */
  readonly names: string;
  /** One locked file per container that runs. */
  readonly live: string;
  /** Containers being deleted. */
  readonly trash: string;
  /** Compiled filters, each named by the digest of its rules. */
  readonly seccomp: string;
  readonly locks: string;
  readonly volumes: string;
  /** What containers wrote, frozen: directories that lie below those of several. */
  readonly snapshots: string;
  /** What happened, a line for each; older files beside it. */
  readonly events: string;

  constructor(root: string) {
    this.root = root;
    this.images = join(root, "images");
    this.blobs = join(this.images, "blobs");
    this.index = join(this.images, "index.json");
    this.downloads = join(this.images, "downloads");
    this.layers = join(root, "layers");
    this.containers = join(root, "containers");
    this.names = join(root, "names");
    this.live = join(root, "live");
    this.trash = join(root, "trash");
    this.seccomp = join(root, "seccomp");
    this.locks = join(root, "locks");
    this.volumes = join(root, "volumes");
    this.snapshots = join(root, "snapshots");
    this.events = join(root, "events.jsonl");
  }

  blob(digest: Digest): string {
    return join(this.blobs, "sha256", hexOf(digest));
  }

  layer(chainId: ChainId): string {
    return join(this.layers, hexOf(chainId));
  }

  container(id: string): string {
    return join(this.containers, id);
  }

  volume(name: string): string {
    return join(this.volumes, name);
  }

  snapshot(id: string): string {
    return join(this.snapshots, id);
  }

  name(name: string): string {
    return join(this.names, name);
  }

  lock(name: string): string {
    return join(this.locks, name);
  }
}
