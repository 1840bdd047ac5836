/** runtime.exec(): one more process in a container made of a bundle. */
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { MarmitaError } from "../../lib/errors.ts";
import type { ExecBundleOptions } from "../../lib/bundles/options.ts";
import type { Process, RuntimeSpec } from "../../lib/oci/runtime-spec.ts";
import { isAlive } from "../helpers/bare.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { ConsoleSocket } from "../helpers/console-socket.ts";
import { eventually } from "../helpers/eventually.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { BundleFolder } from "../helpers/oci-bundle.ts";
import { script } from "../helpers/script.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

requireUserNamespaces();

let folder: BundleFolder;
let root: string;

async function create(
  change: Partial<Process> = {},
  linux: Partial<RuntimeSpec["linux"]> = {},
): Promise<number> {
  const process = { env: ["PATH=/bin"], ...change };
  const bundle = folder.make(["sleep", "1000"], { process, linux });
  const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  // Control groups are the business of other tests: this machine's own are not written to.
  const { pid } = await runtime.create("box", bundle, {
    root,
    cgroupManager: "disabled",
    ...streams,
  });
  return pid;
}

async function box(
  change: Partial<Process> = {},
  linux: Partial<RuntimeSpec["linux"]> = {},
): Promise<AsyncDisposable & { pid: number }> {
  const pid = await create(change, linux);
  await runtime.start("box", { root });
  return { pid, [Symbol.asyncDispose]: () => runtime.delete("box", { root, force: true }) };
}

function exec(args: readonly string[] | Process, options: ExecBundleOptions = {}) {
  return runtime.exec("box", args, { root, ...options });
}

describe("exec in a container made of a bundle", () => {
  beforeAll(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
  });
  expectNothingLeft();

  it("has what the container's own process has, and its words", async () => {
    await using _box = await box({ env: ["PATH=/bin", "OWN=1"], cwd: "/tmp" });

    const words = ["sh", "-c", "echo $OWN $ADDED; pwd; id -u; id -g; echo oops >&2; exit 3"];
    const exit = await exec(words, { env: ["ADDED=2"] });

    expect(exit).toEqual({
      exitCode: 3,
      signal: null,
      stdout: "1 2\n/tmp\n0\n0\n",
      stderr: "oops\n",
      truncated: false,
    });
  });

  it("is in the container's namespaces, and in its root", async () => {
    await using here = await box();

    const { stdout } = await exec(["sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done"]);

    for (const kind of ["user", "mnt", "uts", "ipc", "pid", "net", "cgroup"]) {
      expect(stdout).toContain(readlinkSync(`/proc/${here.pid}/ns/${kind}`));
    }
  });

  it("is given the user, directory, rights and limits that were asked for", async () => {
    await using _box = await box();

    const { stdout } = await exec(
      ["sh", "-c", "id -u; id -g; pwd; grep -E 'CapBnd|CapInh|NoNewPrivs' /proc/self/status"],
      { user: "0:0", cwd: "/bin", capabilities: ["CAP_SYS_PTRACE"], noNewPrivileges: true },
    );

    expect(stdout).toMatch(/^0\n0\n\/bin\nCapInh:\t0+\nCapBnd:\t0+20080420\nNoNewPrivs:\t1\n$/);
  });

  it("takes a whole process, and nothing of the container's own but its confinement", async () => {
    await using _box = await box({
      env: ["PATH=/bin", "OWN=1"],
      cwd: "/tmp",
      noNewPrivileges: true,
    });
    const script =
      "echo $OWN.; pwd; umask; ulimit -n; cat /proc/self/oom_score_adj; grep NoNew /proc/self/status";

    const { stdout } = await exec({
      args: ["/bin/sh", "-c", script],
      cwd: "/",
      user: { uid: 0, gid: 0, umask: 0o77 },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 100 }],
      oomScoreAdj: 500,
    });

    expect(stdout).toBe(".\n/\n0077\n100\n500\nNoNewPrivs:\t1\n");
  });

  it("is under the container's filter, with and without further privileges", async () => {
    const names = ["mkdir", "mkdirat"];
    await using _box = await box(
      {},
      {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
        },
      },
    );

    for (const noNewPrivileges of [true, false]) {
      const { stderr } = await exec(["mkdir", "/mnt/made"], { noNewPrivileges });
      expect(stderr).toContain("not implemented");
    }
  });

  it("runs when and where it was asked to", async () => {
    await using _box = await box();

    const { stdout } = await exec({
      args: [
        "/bin/sh",
        "-c",
        "grep Cpus_allowed_list /proc/self/status; cut -d ' ' -f 19,41 /proc/self/stat",
      ],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      execCPUAffinity: { initial: "0", final: "0" },
      scheduler: { policy: "SCHED_BATCH", nice: 7 },
      ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    });

    expect(stdout).toBe("Cpus_allowed_list:\t0\n7 3\n");
  });

  it("reads what it is given, and has the streams of its caller", async () => {
    await using _box = await box();
    const file = join(await temporaryFolder(), "out");
    const fd = openSync(file, "w");

    await exec(["cat"], { input: "typed", stdout: fd });
    closeSync(fd);

    expect(readFileSync(file, "utf8")).toBe("typed");
  });

  it("has a terminal that this process shows", async () => {
    await using _box = await box();

    const { stdout, exitCode } = await exec(["sh", "-c", "tty; read x; echo got $x"], {
      tty: true,
      input: "word\n",
    });

    expect(exitCode).toBe(0);
    // What is typed is shown, whenever that comes.
    expect(stdout).toMatch(/^(?:word\r\n)?\/dev\/pts\/\d+\r\n(?:word\r\n)?got word\r\n$/);
  });

  it("has its terminal shown by whoever listens, as other engines do it", async () => {
    await using _box = await box();
    const path = join(await temporaryFolder(), "console");
    const socket = await ConsoleSocket.listen(path);

    await exec(["sh", "-c", "tty; stty size; read x; echo got $x"], {
      tty: true,
      detach: true,
      consoleSocket: path,
    });

    const { master } = await socket.received;
    await master.shows(/\/dev\/pts\/\d+/);
    master.type("word\n");
    expect(await master.shows(/got word/)).toBe("got word");
    master.close();
    socket.close();
  });

  it("ends with who waits for it, whatever that dies of", async () => {
    await using _box = await box();
    const words = `["sh", "-c", "echo $$ > /mnt/pid; exec sleep 1000"]`;
    await using caller = script(root, `await marmita.runtime.exec("box", ${words}, { root });`);
    await eventually("its beginning", () => folder.seen("pid") || undefined, 10_000);
    const pids = await runtime.ps("box", { root });

    caller.child.kill("SIGKILL");

    const left = () => pids.filter((pid) => isAlive(pid)).length;
    expect(await eventually("its end", () => (left() === 1 ? true : undefined), 5_000)).toBe(true);
    expect(pids.length).toBe(2);
  });

  it("lives on, and is in its file, when it is detached", async () => {
    await using _box = await box();
    const pidFile = join(await temporaryFolder(), "pid");

    expect(
      await exec(["sleep", "1000"], { detach: true, pidFile, stdout: "ignore", stderr: "ignore" }),
    ).toEqual({
      exitCode: 0,
      signal: null,
      truncated: false,
    });

    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBe("sleep\x001000\x00");
  });

  it("is ended by its caller's signals, and with its caller's wish", async () => {
    await using _box = await box();
    const aborted = new AbortController();

    const killed = exec(["sleep", "1000"], { onStarted: (process) => process.kill("SIGTERM") });
    expect(await killed).toMatchObject({ exitCode: 143, signal: "SIGTERM" });
    let pid = 0;
    const begun = exec(["sleep", "1000"], {
      signal: aborted.signal,
      onStarted: (process) => {
        pid = process.pid;
        aborted.abort();
      },
    });

    await expect(begun).rejects.toMatchObject({ name: "AbortError" });
    expect(isAlive(pid)).toBe(false);
  });

  it("is told, or ends, when the container ends in any moment of it", async () => {
    for (let n = 0; n < 5; n++) {
      const { pid } = await box();
      const all = Array.from({ length: 4 }, () => exec(["sleep", "1000"]));
      await new Promise((resolve) => setTimeout(resolve, 4 * n));
      process.kill(pid, "SIGKILL");

      const outcomes = await Promise.allSettled(all);
      const codes = outcomes.map((one) => {
        return one.status === "fulfilled" ? one.value.exitCode : (one.reason as MarmitaError).code;
      });
      expect([137, "CONFLICT", "START_FAILED"]).toEqual(expect.arrayContaining(codes));
      await runtime.delete("box", { root, force: true });
    }
  });

  it("ends with the container", async () => {
    await using _box = await box();
    let started: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (started = resolve));

    const running = exec(["sleep", "1000"], { onStarted: () => started?.() });
    await begun;
    await runtime.kill("box", "SIGKILL", { root });

    expect(await running).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  });

  it.for([
    [["nosuch"], {}, 127, "exec nosuch: not found in $PATH"],
    [["/tmp"], {}, 126, "exec /tmp: it is a directory"],
    [["true"], { cwd: "/no/such" }, 125, "enter working directory /no/such"],
  ] as const)(
    "is refused what cannot be started: %s %s",
    async ([args, options, exitCode, what]) => {
      await using _box = await box();

      await expect(exec(args, options)).rejects.toMatchObject({
        code: "START_FAILED",
        message: expect.stringContaining(what.split(":")[0] ?? ""),
        details: { exitCode },
      });
    },
  );

  it("is refused where nothing runs", async () => {
    await create();
    await expect(exec(["true"])).rejects.toMatchObject({
      code: "CONFLICT",
      details: { container: "box", state: "created" },
    });
    await runtime.delete("box", { root, force: true });
    await expect(exec(["true"])).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is refused in a container that stands still, unless it is to wait", async () => {
    await using _box = await box();
    await runtime.pause("box", { root });

    await expect(exec(["true"])).rejects.toMatchObject({
      code: "CONFLICT",
      hint: expect.stringContaining("ignorePaused"),
      details: { container: "box", state: "paused" },
    });
    // Without a freezer there is nothing that stops who comes later.
    expect(await exec(["true"], { ignorePaused: true })).toMatchObject({ exitCode: 0 });
    await runtime.resume("box", { root });
  });

  it.for([
    [{ user: "root" }, "user"],
    [{ user: "1:4294967295" }, "user"],
    [{ cwd: "tmp" }, "cwd"],
    [{ capabilities: ["CAP_NONE"] }, "capabilities"],
    [{ additionalGids: [-1] }, "additionalGids"],
    [{ cgroup: "cpu:/x" }, "cgroup"],
    [{ consoleSocket: "/socket" }, "consoleSocket"],
    [{ tty: true, detach: true }, "consoleSocket"],
  ] as const)("is refused by name: %s", async ([options, option]) => {
    await using _box = await box();

    await expect(exec(["true"], options as ExecBundleOptions)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { option },
    });
  });

  it("waits for many at once", async () => {
    await using here = await box();

    const exits = await Promise.all(
      Array.from({ length: 8 }, (_, n) => exec(["sh", "-c", `exit ${n}`])),
    );

    expect(exits.map(({ exitCode }) => exitCode)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(isAlive(here.pid)).toBe(true);
  });
});
