/** The making of a container of a bundle: what is decided, then claimed and made, or undone. */
import { closeSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { MarmitaError } from "../errors.ts";
import { spawnStarter } from "../native/helper.ts";
import { encodePlan, type Plan } from "../native/plan.ts";
import { parseRuntimeSpec } from "../oci/parse-runtime-spec.ts";
import { OCI_VERSION } from "../oci/spec-version.ts";
import type { NamespaceType, Process, RuntimeSpec } from "../oci/runtime-spec.ts";
import type { BundleIds } from "../runtime/bundle-context.ts";
import { chooseBundleIds } from "../runtime/bundle-ids.ts";
import { compileBundle } from "../runtime/compile-bundle.ts";
import { formatConfigJson } from "../runtime/config-json.ts";
import { ensureFilter } from "../runtime/seccomp/filters.ts";
import { rulesOf } from "../runtime/seccomp/rules.ts";
import { writeAtomic } from "../store/atomic.ts";
import { storeError } from "../store/store-error.ts";
import { throwIfAborted } from "../util/abort.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";
import {
  type CgroupRequest,
  awaitsProcess,
  prepareCgroup,
  removeCgroup,
  settleCgroup,
} from "./cgroup.ts";
import { makesNodesUseless } from "./cgroup-device-rules.ts";
import {
  claimContainer,
  type ContainerPaths,
  containerPaths,
  type HeldContainer,
  removeContainerDirectory,
  seccompPlace,
} from "./container-directory.ts";
import { bundleDirectory } from "./create-options.ts";
import { endProcess } from "./end-process.ts";
import { hookState, hookStatePrefix, runHooks, runLateHooks } from "./hooks.ts";
import { notifyParts } from "./notify.ts";
import type { BundleSource, MakeBundleContainerOptions, ProcessSettings } from "./options.ts";
import { writePidFile } from "./pid-file.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { readBundle } from "./read-bundle.ts";
import { type ContainerRecord, type HomeNamespace, writeRecord } from "./record.ts";
import { Starter, type StarterTasks } from "./starter.ts";
import type { BundleStatus } from "./state.ts";
import { chooseStateRoot } from "./state-root.ts";
import { preservedDescriptors } from "./stdio.ts";

/** What a container is to be made of. */
export interface Design {
  readonly root: string;
  readonly paths: ContainerPaths;
  /** With the user namespace that it gets. */
  readonly spec: RuntimeSpec;
  readonly ids: BundleIds;
  readonly record: ContainerRecord;
  readonly options: MakeBundleContainerOptions;
  readonly warn: (text: string) => void;
}

/** Reads, and decides; nothing is made, nothing is told but warnings. */
export async function design(
  id: string,
  bundle: BundleSource,
  options: MakeBundleContainerOptions,
): Promise<Design> {
  throwIfAborted(options.signal);
  const root = chooseStateRoot(options);
  const paths = containerPaths(root, id);
  const { directory, text } = await readBundle(bundleDirectory(bundle), options.config);
  const asked = parseRuntimeSpec(text);
  checkRootfs(asked, resolve(directory, asked.root.path));
  const { spec, ids, warnings } = await chooseBundleIds(asked);
  const warn = options.onWarning ?? (() => undefined);
  for (const warning of warnings) warn(warning);
  const record: ContainerRecord = {
    ociVersion: OCI_VERSION,
    id,
    bundle: directory,
    rootfs: resolve(directory, spec.root.path),
    created: new Date().toISOString(),
    owner: ownerName(),
    annotations: spec.annotations ?? {},
    filters: seccompPlace(root).seccomp,
    home: homeOf(spec),
  };
  return { root, paths, spec, ids, record, options, warn };
}

/** One by path is that of others, a pod's or this machine's. */
function homeOf({ linux: { namespaces } }: RuntimeSpec): HomeNamespace | undefined {
  const isNew = (kind: NamespaceType) =>
    namespaces.some(({ type, path }) => type === kind && (path === undefined || path === ""));
  if (isNew("pid")) return "pid";
  return isNew("mount") ? "mnt" : undefined;
}

/** In a mount namespace of others it may be there, though not here. */
function checkRootfs({ linux }: RuntimeSpec, rootfs: string): void {
  if (linux.namespaces?.some(({ type, path }) => type === "mount" && path !== undefined)) return;
  try {
    statSync(rootfs);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno !== "ENOENT" && errno !== "ENOTDIR") return; // others may enter it: its mount tells
    throw new MarmitaError(
      "START_FAILED",
      `config.json: root.path: ${rootfs}: ${errnoWords(errno)}`,
      { errno, cause, details: { field: "root.path", path: rootfs } },
    );
  }
}

/** `checkShown` of the container's own process. */
export function checkTerminal(
  { spec, options }: Design,
  where: { readonly isForeground: boolean },
): boolean {
  return checkShown(spec.process, options, where);
}

/**
 * Whether its terminal is to be shown by this process. Throws `INVALID_ARGUMENT` where nobody shows it, and
 * for a socket that would wait for one in vain.
 */
export function checkShown(
  { terminal }: Process,
  { consoleSocket }: ProcessSettings,
  { isForeground }: { readonly isForeground: boolean },
): boolean {
  const hasTerminal = terminal === true;
  const hasSocket = consoleSocket !== undefined;
  if (hasSocket && !hasTerminal) {
    throw new MarmitaError("INVALID_ARGUMENT", "a console socket is of no use without a terminal", {
      hint: "Set `process.terminal` in config.json, or leave the socket out.",
      details: { option: "consoleSocket" },
    });
  }
  if (hasTerminal && !hasSocket && !isForeground) {
    throw new MarmitaError("INVALID_ARGUMENT", "a terminal needs a console socket to be shown at", {
      hint: "Listen on a socket, and name it: `consoleSocket` (--console-socket).",
      details: { option: "consoleSocket", field: "process.terminal" },
    });
  }
  return hasTerminal && !hasSocket;
}

function ownerName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? 0); // a uid without an entry in the user database
  }
}

/** What a starter is given beside its plan. All descriptors stay the caller's. */
export interface StarterStreams {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  readonly words?: readonly string[];
  /** One end of a pair of sockets: the terminal's master comes out of the other. */
  readonly console?: number | undefined;
}

/** One that waits for its start; its starter may stay as its parent. */
export interface Made {
  readonly record: ContainerRecord;
  readonly starter: Starter;
}

/**
 * Make it. Nobody else does anything with it meanwhile; what fails leaves nothing, but that its poststop
 * hooks have run.
 */
export async function make(plan: Design, streams: StarterStreams): Promise<Made> {
  const { preserveFds = 0, listenFds = 0, signal } = plan.options;
  const preserved = preservedDescriptors(preserveFds + listenFds);
  throwIfAborted(signal);
  try {
    using held = await claimContainer(plan.root, plan.record.id);
    using making = new Making(plan, held);
    try {
      return await making.make(streams, preserved);
    } catch (error) {
      await making.undo();
      throw error;
    }
  } catch (error) {
    throw storeError(error, "make the container", HINTS);
  }
}

/** It lives, and waits for us. */
function unseen(pid: number): MarmitaError {
  return new MarmitaError("UNSUPPORTED", `/proc does not show process ${pid}`, {
    hint: "It is mounted with `hidepid`: mount it without, or be in the group of its `gid`.",
    details: { process: pid },
  });
}

const HINTS = {
  ENOSPC: "The file system of the state directory is full: remove files, or name another.",
};

class Making implements Disposable {
  readonly #design: Design;
  readonly #paths: ContainerPaths;
  #record: ContainerRecord;
  /** Its hooks may have begun. */
  #hasBegun = false;
  /** The container's first process, as soon as it is known. */
  #first: ProcessIdentity | undefined;
  /** Of its control group, until it is in there for good, or gone. */
  #lock: number | undefined;

  constructor(plan: Design, { paths }: HeldContainer) {
    this.#design = plan;
    this.#paths = paths;
    this.#record = plan.record;
  }

  async make(streams: StarterStreams, preserved: readonly number[]): Promise<Made> {
    const { spec, root, options } = this.#design;
    // Whole or not there: who deletes it reads it, also when we were killed.
    const config = formatConfigJson(spec);
    await writeAtomic(this.#paths.config, config, { durable: false, mode: 0o600 });
    await this.#prepareCgroup();
    if (spec.linux.seccomp !== undefined) {
      await ensureFilter(seccompPlace(root), rulesOf(spec.linux.seccomp));
    }
    await writeFile(this.#paths.plan, encodePlan(this.#compile()), { mode: 0o600 });
    throwIfAborted(options.signal);

    const { id } = this.#record;
    const { plan } = this.#paths;
    const starter = new Starter(spawnStarter({ title: id, plan, ...streams, preserved }));
    this.#hasBegun = true;
    try {
      await this.#note({ starter: identify(starter.pid) });
      await starter.release(this.#tasks(), options.signal);
    } catch (error) {
      await starter.giveUp();
      throw error;
    }
    return { record: this.#record, starter };
  }

  #tasks(): StarterTasks {
    return {
      onPid: (pid) => (this.#first ??= identify(pid)),
      onCgroup: (pid) => this.#settleCgroup(pid),
      onHooks: (pid, signal) => this.#runHooks(pid, signal),
      onCreated: (pid) => this.#created(pid),
    };
  }

  async #note(news: Partial<ContainerRecord>): Promise<void> {
    this.#record = { ...this.#record, ...news };
    await writeRecord(this.#paths.state, this.#record);
  }

  /** Noted before it is made: who finds us killed finds it. */
  async #prepareCgroup(): Promise<void> {
    await this.#note({ cgroup: await prepareCgroup(this.#cgroupRequest()) });
  }

  #cgroupRequest(): CgroupRequest {
    const { spec, options, warn } = this.#design;
    return {
      id: this.#record.id,
      spec,
      manager: options.cgroupManager,
      isRequired: options.requireResources ?? false,
      onWarning: warn,
      onIntended: (cgroup) => this.#note({ cgroup }),
      onLocked: (lock) => (this.#lock = lock),
      signal: options.signal,
    };
  }

  async #settleCgroup(pid: number): Promise<void> {
    const { cgroup } = this.#record;
    if (cgroup === undefined) return;
    await this.#note({ cgroup: await settleCgroup(cgroup, { ...this.#cgroupRequest(), pid }) });
  }

  #compile(): Plan {
    const { spec, ids, options, warn } = this.#design;
    const { preserveFds = 0, listenFds = 0, consoleSocket } = options;
    const { cgroup } = this.#record;
    const { plan, warnings } = compileBundle(spec, {
      id: this.#record.id,
      bundle: this.#record.bundle,
      ids,
      execFifo: this.#paths.execFifo,
      consoleSocket: consoleSocket === undefined ? undefined : resolve(consoleSocket),
      preserveFds: preserveFds + listenFds,
      noPivot: options.noPivot ?? false,
      noNewKeyring: options.noNewKeyring ?? false,
      filters: this.#record.filters,
      cgroupDirectory: cgroup?.directory,
      // Of a group that is still to come nobody knows whether it will have rules.
      hasUselessNodes: cgroup?.hasDeviceRules !== true && makesNodesUseless(spec),
      cgroupWaits: cgroup !== undefined && awaitsProcess(cgroup),
      hookState: (status) => hookStatePrefix(this.#stateAs(status, 0)),
      ...notifyParts(options),
    });
    for (const text of warnings) warn(text);
    return plan;
  }

  #stateAs(status: BundleStatus, pid: number) {
    return hookState({ ...this.#record, status, pid });
  }

  async #runHooks(pid: number, signal: AbortSignal): Promise<void> {
    const { spec } = this.#design;
    const of = { hooks: spec.hooks, cwd: this.#record.bundle, signal };
    // Once it was "after start, before the process", and tells so: runtime-tools, crun.
    await runHooks("prestart", { ...of, state: this.#stateAs("created", pid) });
    await runHooks("createRuntime", { ...of, state: this.#stateAs("creating", pid) });
  }

  async #created(pid: number): Promise<void> {
    const { pidFile } = this.#design.options;
    if (this.#first === undefined) throw unseen(pid);
    await this.#note({ init: this.#first, starter: undefined });
    if (pidFile !== undefined) await writePidFile(resolve(pidFile), pid);
  }

  /** What it began has ended. What cannot be undone is a warning: the first failure is the one to tell. */
  async undo(): Promise<void> {
    const { spec, root, warn } = this.#design;
    const { cgroup, bundle } = this.#record;
    try {
      if (this.#first !== undefined) await endProcess(this.#first);
      if (cgroup !== undefined) await removeCgroup(cgroup);
      if (this.#hasBegun) {
        const state = this.#stateAs("stopped", 0);
        await runLateHooks("poststop", { hooks: spec.hooks, state, cwd: bundle, onWarning: warn });
      }
      await removeContainerDirectory(root, this.#paths);
    } catch (error) {
      warn(`what was made for ${this.#record.id} is left: ${String(error)}`);
    }
  }

  [Symbol.dispose](): void {
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = undefined;
  }
}
