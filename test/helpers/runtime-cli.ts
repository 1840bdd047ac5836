/** The built command `marmita-runtime` over a state directory and a bundle of its own. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { fillRootfs, type Spec } from "./bundles.ts";
import { type CommandOptions, type Finished, finished, output } from "./command.ts";
import { temporaryFolder } from "./folder.ts";

/** Root could make groups in the machine's own control groups: tests leave those alone. */
const OWN_OPTIONS = process.getuid?.() === 0 ? ["--cgroup-manager=disabled"] : [];

/** What an engine would execute. */
export const RUNTIME = fileURLToPath(new URL("../../dist/bin/marmita-runtime.js", import.meta.url));

export class RuntimeCli {
  readonly root: string;
  readonly bundle: string;
  /** What else it is started with. */
  readonly #options: readonly string[];

  constructor(folder: string, options: readonly string[] = OWN_OPTIONS) {
    this.root = join(folder, "state");
    this.bundle = join(folder, "bundle");
    this.#options = options;
  }

  /** The same containers, with further global options. */
  with(...options: readonly string[]): RuntimeCli {
    return new RuntimeCli(join(this.root, ".."), [...this.#options, ...options]);
  }

  /** Runs to its end, in the bundle; stdin is empty. */
  call(args: readonly string[], options: CommandOptions = {}): Finished {
    return finished(this.argv(...args), { cwd: this.bundle, input: "", ...options });
  }

  /** Its standard output; throws when it fails. */
  output(...args: readonly string[]): string {
    return output(this.argv(...args), { cwd: this.bundle, input: "" });
  }

  /** Without pipes: what is created keeps the streams it was given. */
  create(id: string, ...options: readonly string[]): void {
    const log = join(this.bundle, `${id}.output`);
    const line = `exec "$@" </dev/null >>'${log}' 2>&1`;
    const argv = ["sh", "-c", line, "sh", ...this.argv("create", ...options, id)];
    const { status } = finished(argv, { cwd: this.bundle });
    if (status !== 0) throw new Error(readFileSync(log, "utf8"));
  }

  /** What the process of a container that was created has written. */
  written(id: string): string {
    return readFileSync(join(this.bundle, `${id}.output`), "utf8");
  }

  argv(...args: readonly string[]): readonly string[] {
    return [process.execPath, "--", RUNTIME, `--root=${this.root}`, ...this.#options, ...args];
  }

  /** The bundle runs this command from now on, with one id: nobody is warned that there are no more. */
  configure(args: readonly string[], change: (spec: Spec) => object = (spec) => spec): void {
    const path = join(this.bundle, "config.json");
    rmSync(path, { force: true });
    this.output("spec", ...(process.getuid?.() === 0 ? [] : ["--rootless"]));
    const spec = JSON.parse(readFileSync(path, "utf8")) as Spec;
    const settings = { ...spec.process, args, terminal: false };
    writeFileSync(path, JSON.stringify(change({ ...spec, process: settings })));
  }
}

/** With busybox in its bundle. */
export async function busyboxRuntime(): Promise<RuntimeCli> {
  if (!existsSync(RUNTIME)) throw new Error("dist/ is not built: npm run build");
  const folder = await temporaryFolder();
  const runtime = new RuntimeCli(folder);
  fillRootfs(join(runtime.bundle, "rootfs"), busyboxLayer());
  return runtime;
}
