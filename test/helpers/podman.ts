/** Podman and buildah over a storage of their own, which goes away with the test file. */
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type CommandOptions, type Finished, finished, output } from "./command.ts";
import { beforeRemoval, temporaryFolder } from "./folder.ts";

/** How Podman keeps layers: copies of everything, or the kernel's overlay. */
export type PodmanStorage = "vfs" | "overlay";

export class Podman {
  readonly #home: string;
  readonly #driver: PodmanStorage;
  readonly #env: NodeJS.ProcessEnv;
  #runtime: readonly string[];

  constructor(home: string, driver: PodmanStorage, runtime?: string) {
    this.#home = home;
    this.#driver = driver;
    this.#runtime = runtime === undefined ? [] : runtimeOptions(runtime);
    // Its pause process is found there: ours must not be that of the user's other containers.
    this.#env = { ...process.env, XDG_RUNTIME_DIR: join(home, "runtime") };
  }

  /** `podman ARGUMENTS…`: its standard output; throws when it fails. */
  podman(...args: readonly string[]): string {
    return output(this.argv(...args), { env: this.#env });
  }

  /** The same, however it ends. */
  try(args: readonly string[], options: CommandOptions = {}): Finished {
    return finished(this.argv(...args), { env: this.#env, ...options });
  }

  /** For whoever starts it otherwise, with `env`. */
  argv(...args: readonly string[]): readonly string[] {
    return ["podman", ...this.#storage(), ...this.#runtime, ...args];
  }

  get env(): NodeJS.ProcessEnv {
    return this.#env;
  }

  /** The same images and containers, with another low-level runtime. */
  withRuntime(runtime: string): Podman {
    return new Podman(this.#home, this.#driver, runtime);
  }

  /** `buildah ARGUMENTS…` */
  buildah(...args: readonly string[]): string {
    return output(["buildah", ...this.#storage(), ...args], { env: this.#env });
  }

  /** Run a shell script in the root directory of one of buildah's working containers. */
  changeFiles(container: string, script: string): string {
    const enter = 'cd "$(buildah "$1" "$2" "$3" mount "$4")" && eval "$5"';
    return this.unshare(enter, ...this.#storage(), container, script);
  }

  /** Run a shell script as root of the user namespace in which they keep their files. */
  unshare(script: string, ...args: readonly string[]): string {
    const within = process.getuid?.() === 0 ? [] : ["buildah", ...this.#storage(), "unshare"];
    return output([...within, "sh", "-ec", script, "sh", ...args], { env: this.#env });
  }

  /** Why this host's podman runs no `command` in `image`; undefined when one runtime does. */
  runFault(image: string, command: readonly string[] = ["true"]): string | undefined {
    const faults: string[] = [];
    for (const runtime of ["crun", "runc"]) {
      // crun refuses hosts with both kinds of cgroup trees.
      this.#runtime = runtimeOptions(runtime);
      const { status, stderr } = this.try(["run", "--rm", "--network=none", image, ...command]);
      if (status === 0) return undefined;
      faults.push(`${runtime}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
    }
    return faults.join("; ");
  }

  /** Ends what still runs; the folder goes with its test file. */
  close(): void {
    // The pause process, and the clean-up that outlives `podman run`: it would start another.
    for (let left = this.#processes(); left.length > 0; left = this.#processes()) {
      for (const pid of left) kill(pid);
    }
    const pause = join(this.#home, "runtime/libpod/tmp/pause.pid");
    if (existsSync(pause)) kill(Number(readFileSync(pause, "utf8")));
  }

  /** Podman's arguments have our folder; of its pause process, only the environment has. */
  #processes(): readonly number[] {
    const isOurs = (pid: string) =>
      [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].some((path) => holds(path, this.#home));
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && isOurs(name))
      .map(Number);
  }

  /** Three arguments. */
  #storage(): readonly string[] {
    const places = [
      `--root=${join(this.#home, "storage")}`,
      `--runroot=${join(this.#home, "run")}`,
    ];
    return [...places, `--storage-driver=${this.#driver}`];
  }
}

function runtimeOptions(runtime: string): readonly string[] {
  return [`--runtime=${runtime}`, "--cgroup-manager=cgroupfs"];
}

/** Not so for a process that has ended or is another user's. */
function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path, "utf8").includes(text);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** An empty storage; closed and removed with the test file. */
export async function openPodman(driver: PodmanStorage = "vfs"): Promise<Podman> {
  const home = await temporaryFolder();
  mkdirSync(join(home, "runtime"), { mode: 0o700 });
  const podman = new Podman(home, driver);
  beforeRemoval(() => podman.close());
  return podman;
}
