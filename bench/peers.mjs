/** The programs marmita is held against, and how each is started the way it works on this host. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** `{ argv }` of a peer's "start true in all namespaces and wait", or `{ missing: reason }`. */
export function bubblewrap(rootfs) {
  const isolation = ["--unshare-all", "--die-with-parent", "--hostname", "box", "--chdir", "/"];
  const mounts = ["--bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const argv = ["bwrap", ...isolation, ...mounts, "/bin/true"];
  return tried(argv);
}

/** Limits that every host allows: Podman's own are refused where the hard ones are lower. */
const LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];

/** Run in a namespace of ours with a cgroup2 tree, where the host's own is of the old kind. */
const MOUNT_CGROUP2 = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';
const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--cgroup"];
export const IN_CGROUP2 = [...UNSHARE, "sh", "-c", MOUNT_CGROUP2, "sh"];

/**
 * `crun run` of a bundle that is ready, with a filter of system calls or without; `within` is what
 * must stand before it on this host.
 */
export function crun(rootfs, folder, seccomp) {
  const name = seccomp === undefined ? "bundle" : "filtered-bundle";
  const bundle = join(folder, name);
  mkdirSync(bundle);
  for (const within of [[], IN_CGROUP2]) {
    const fault = writeBundle(within, bundle, { rootfs, seccomp });
    if (fault !== undefined) return { missing: fault };
    const argv = ["crun", `--root=${join(folder, "crun")}`, "run", `--bundle=${bundle}`, name];
    const found = tried([...within, ...argv]);
    if (found.argv !== undefined) return { argv, within };
  }
  return { missing: "crun runs neither here nor in a namespace with a cgroup2 tree" };
}

function writeBundle(within, bundle, { rootfs, seccomp }) {
  const rootless = within.length > 0 || process.getuid() !== 0 ? ["--rootless"] : [];
  rmSync(join(bundle, "config.json"), { force: true });
  const [program, ...args] = [...within, "crun", "spec", ...rootless];
  const made = spawnSync(program, args, { cwd: bundle, encoding: "utf8" });
  if (made.status !== 0) return made.error?.message ?? made.stderr.trim();
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.process.terminal = false;
  config.process.args = ["/bin/true"];
  config.root = { path: rootfs, readonly: true };
  if (seccomp !== undefined) config.linux.seccomp = seccomp;
  writeFileSync(path, JSON.stringify(config));
  return undefined;
}

/**
 * Podman over a storage and a runtime directory of its own, so that its pause process is not the
 * one of the user's other containers. The best of its drivers and runtimes that work here: crun
 * refuses hosts with both kinds of cgroup trees, where runc does.
 */
export function podman(archive, folder) {
  const home = join(folder, "pm");
  const env = { ...process.env, XDG_RUNTIME_DIR: join(home, "runtime") };
  mkdirSync(env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  const remove = () => removePodman(home, env);
  const faults = new Set();
  for (const driver of ["overlay", "vfs"]) {
    const places = [`--root=${join(home, driver)}`, `--runroot=${runRoot(home, driver)}`];
    const storage = [...places, `--storage-driver=${driver}`];
    const loaded = run(["podman", ...storage, "load", "--quiet", "--input", archive], { env });
    if (loaded !== undefined) faults.add(`${driver}: ${loaded}`);
    if (loaded !== undefined) continue;
    for (const runtime of ["crun", "runc"]) {
      const global = [...storage, `--runtime=${runtime}`, "--cgroup-manager=cgroupfs"];
      const rest = ["run", "--rm", "--network=none", ...LIMITS, "localhost/busybox", "true"];
      const argv = ["podman", ...global, ...rest];
      const fault = run(argv, { env });
      if (fault === undefined) {
        const connected = connectedPodman(argv, env);
        return { argv, env, note: `${driver}, ${runtime}`, connected, remove };
      }
      faults.add(`${runtime}: ${fault}`);
    }
  }
  return { missing: [...faults].join("; "), remove };
}

/** A storage of its own with the arguments that choose it; `remove` takes it away. */
export function podmanStorage(folder, driver) {
  const home = join(folder, "pm");
  const env = { ...process.env, XDG_RUNTIME_DIR: join(home, "runtime") };
  mkdirSync(env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  const places = [`--root=${join(home, driver)}`, `--runroot=${runRoot(home, driver)}`];
  const storage = [...places, `--storage-driver=${driver}`];
  return { storage, env, home, remove: () => removePodman(home, env) };
}

/** Podman takes no more than 50 characters. */
export function runRoot(home, driver) {
  return join(home, `run-${driver[0]}`);
}

/** The same with a network, by helper: `{ argv }`, or `{ missing }`. */
function connectedPodman(argv, env) {
  const entries = ["pasta", "slirp4netns"].map((name) => {
    const connected = argv.map((word) => (word === "--network=none" ? `--network=${name}` : word));
    const fault = run(connected, { env });
    return [name, fault === undefined ? { argv: connected } : { missing: fault }];
  });
  return Object.fromEntries(entries);
}

/** Files of its storage belong to mapped ids; its pause process outlives every command. */
function removePodman(home, env) {
  const places = ["overlay", "vfs"].map((driver) => [join(home, driver), runRoot(home, driver)]);
  if (process.getuid() === 0) {
    // Mounted on themselves.
    for (const [place] of places) run(["umount", join(place, "overlay"), join(place, "vfs")]);
  } else {
    // Not over the user's own storage: that would remember our folder, and make it again.
    for (const [place, runroot] of places) {
      const podman = ["podman", `--root=${place}`, `--runroot=${runroot}`];
      run([...podman, "unshare", "rm", "-rf", place], { env });
    }
  }
  const pause = join(env.XDG_RUNTIME_DIR, "libpod/tmp/pause.pid");
  if (existsSync(pause)) process.kill(Number(readFileSync(pause, "utf8")), "SIGKILL");
  rmSync(home, { recursive: true, force: true });
}

/** The fault of a missing or failing command in one line; undefined when it went well. */
export function run(argv, options = {}) {
  const [program, ...args] = argv;
  const done = spawnSync(program, args, { encoding: "utf8", ...options });
  if (done.error?.code === "ENOENT") return `${program} is not installed`;
  if (done.error !== undefined) return done.error.message;
  if (done.status === 0) return undefined;
  return done.stderr.trim().split("\n").at(-1) ?? `${program} exited with ${done.status}`;
}

function tried(argv) {
  const fault = run(argv);
  return fault === undefined ? { argv } : { missing: fault };
}
