/** Bundles with busybox in them, and a state root of their own. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import type { Hook, Hooks, RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { defaultSpec } from "../../lib/runtime-cli/default-spec.ts";
import { fillRootfs } from "./bundles.ts";
import { temporaryFolder } from "./folder.ts";

/** What a test changes of the configuration; what runs as root of nobody's namespace is the default. */
export interface BundleChanges {
  readonly hostname?: string;
  readonly process?: Partial<RuntimeSpec["process"]>;
  readonly hooks?: Hooks;
  readonly annotations?: Record<string, string>;
  readonly linux?: Partial<RuntimeSpec["linux"]>;
}

/** Everything of one test file: its bundles share their root file system, which nobody can write to. */
export class BundleFolder {
  readonly folder: string;
  /** For `root`. */
  readonly states: string;
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.states = join(folder, "states");
  }

  static async open(): Promise<BundleFolder> {
    const folder = await temporaryFolder();
    fillRootfs(join(folder, "rootfs"), busyboxLayer());
    mkdirSync(join(folder, "seen"), { mode: 0o777 });
    return new BundleFolder(folder);
  }

  /** A bundle whose container runs this; at /mnt in it is what `seen()` reads. */
  make(args: readonly string[], changes: BundleChanges = {}): string {
    const directory = join(this.folder, `bundle-${(this.#count += 1)}`);
    const spec = defaultSpec();
    const seen = join(this.folder, "seen");
    mkdirSync(directory);
    const config: RuntimeSpec = {
      ...spec,
      ...changes,
      root: { path: join(this.folder, "rootfs"), readonly: true },
      process: { ...spec.process, terminal: false, args, ...changes.process },
      mounts: [
        ...(spec.mounts ?? []),
        { destination: "/mnt", type: "bind", source: seen, options: ["rbind", "rw"] },
      ],
      linux: { ...spec.linux, ...changes.linux },
    };
    writeFileSync(join(directory, "config.json"), JSON.stringify(config));
    return directory;
  }

  /** What a hook of the host, or a container at /mnt, has written to this file. */
  seen(name: string): string {
    try {
      return readFileSync(join(this.folder, "seen", name), "utf8");
    } catch {
      return "";
    }
  }

  /** A hook that appends its name and what it is told as a line to `log`: `at` is where it finds it. */
  tells(name: string, at: "host" | "container" = "host"): Hook {
    const log = at === "host" ? join(this.folder, "seen", "log") : "/mnt/log";
    return this.does(`echo "${name} $(cat)" >> ${log}`);
  }

  does(script: string): Hook {
    return { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/bin:/bin"] };
  }
}
