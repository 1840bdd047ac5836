/** What the `process` of an exec in a bundle's container says, as the kernel then has it. */
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { runtime } from "../../lib/api/runtime.ts";
import type { Process } from "../../lib/oci/runtime-spec.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type BundleChanges, BundleFolder } from "../helpers/oci-bundle.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const USER = { uid: 0, gid: 0 };
const ENV = ["PATH=/bin"];

describe.runIf(requireUserNamespaces())("a further process of a bundle's container", () => {
  let folder: BundleFolder;
  let root: string;

  beforeAll(async () => {
    folder = await BundleFolder.open();
    root = folder.states;
  });
  expectNothingLeft();

  async function box(
    linux: NonNullable<BundleChanges["linux"]>,
  ): Promise<AsyncDisposable & { pid: number }> {
    const bundle = folder.make(["sleep", "1000"], { linux });
    const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    // Control groups are the business of other tests: this machine's own are not written to.
    const options = { root, cgroupManager: "disabled", ...quiet } as const;
    const { pid } = await runtime.create("box", bundle, options);
    await runtime.start("box", { root });
    const remove = () => runtime.delete("box", { root, force: true });
    return { pid, [Symbol.asyncDispose]: remove };
  }

  function exec(script: string, process: Partial<Process> = {}) {
    const args = ["sh", "-c", script];
    return runtime.exec("box", { user: USER, env: ENV, cwd: "/", args, ...process }, { root });
  }

  it("has its own scheduling and limits, and the container's personality", async () => {
    await using _box = await box({ personality: { domain: "LINUX32" } });
    const script = `uname -m; sed 's/.*) //' /proc/self/stat | cut -d ' ' -f 17,39; ionice -p $$
      grep Cpus_allowed_list /proc/self/status; ulimit -n`;

    const { stdout } = await exec(script, {
      scheduler: { policy: "SCHED_BATCH", nice: 3 },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 7 },
      execCPUAffinity: { initial: "0", final: "0" },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 100 }],
    });

    expect(stdout).toMatch(
      /^(?:i686|armv8l)\n3 3\nbest-effort: prio 7\nCpus_allowed_list:\t0\n99\n$/,
    );
  });

  it("does not run where a label cannot be had", async () => {
    await using _box = await box({});

    await expect(exec("true", { apparmorProfile: "no-such-profile" })).rejects.toThrow(/apparmor/i);
  });

  it("is told to who answers its system calls, beside the container", async () => {
    const path = join(await temporaryFolder(), "s");
    const told: Promise<string>[] = [];
    const server = createServer((socket) => void told.push(text(socket)));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }];
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: path, syscalls };

    try {
      await using here = await box({ seccomp });
      const { stderr } = await exec("mkdir /a");
      const [first, further] = await Promise.all(told);

      expect(stderr).toContain("Function not implemented");
      expect(JSON.parse(first ?? "")).toMatchObject({
        pid: here.pid,
        state: { status: "creating", pid: here.pid },
      });
      const state = JSON.parse(further ?? "") as { pid: number };
      expect(state).toMatchObject({ fds: ["seccompFd"], state: { id: "box", pid: here.pid } });
      expect(state.pid).not.toBe(here.pid);
    } finally {
      server.close();
    }
  });
});
