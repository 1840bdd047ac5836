/** What a bundle says of its process and its root, as the kernel then has it. */
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { busyboxLayer } from "../../fixtures/busybox.mjs";
import { type BundleEnd, runBareBundle } from "../helpers/bare-bundle.ts";
import { BareContainer } from "../helpers/bare.ts";
import { fillRootfs } from "../helpers/bundles.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;
const CAP_MKNOD = 27;

/** On the machine itself: root of a user namespace has all of them, and they mean little. */
function hasCapability(number: number): boolean {
  const [, effective = "0"] =
    /CapEff:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  const isOfMachine = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
  return isOfMachine && ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}

interface Asked {
  readonly process?: object;
  readonly linux?: object;
  readonly mounts?: readonly { readonly destination: string }[];
}

async function runAsked(
  script: string,
  { process = {}, linux = {}, mounts = [] }: Asked,
): Promise<BundleEnd> {
  const bundle = await temporaryFolder();
  chmodSync(bundle, 0o755); // its root may be another
  fillRootfs(join(bundle, "rootfs"), busyboxLayer());
  const pseudo = { destination: "/proc", type: "proc", source: "proc" };
  const dev = { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] };
  for (const { destination } of [pseudo, dev, ...mounts]) {
    mkdirSync(join(bundle, "rootfs", destination), { recursive: true });
  }
  const namespaces = ["pid", "mount", "ipc", "uts"].map((type) => ({ type }));
  const config = {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
      ...process,
    },
    mounts: [pseudo, dev, ...mounts],
    linux: { namespaces, ...linux },
  };
  return runBareBundle(bundle, { config: JSON.stringify(config), states: join(bundle, "state") });
}

/** What it prints, if it prints nothing else. */
async function printed(script: string, asked: Asked): Promise<string> {
  const { output, exitCode } = await runAsked(script, asked);
  if (exitCode !== 0) throw new Error(`exited with ${exitCode}: ${output}`);
  return output.trim();
}

describe.runIf(requireUserNamespaces())("the process of a bundle", () => {
  expectNothingLeft();

  it("sees a machine of 32 bits", async () => {
    const linux = { personality: { domain: "LINUX32" } };

    expect(await printed("uname -m", { linux })).toBe(
      { x64: "i686", arm64: "armv8l" }[process.arch as string],
    );
  });

  it("has its scheduler and its class of I/O", async () => {
    const asked = {
      process: {
        scheduler: { policy: "SCHED_BATCH", nice: 5 },
        ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 },
      },
    };
    // proc_pid_stat(5): nice and policy.
    const script = "sed 's/.*) //' /proc/self/stat | cut -d ' ' -f 17,39; ionice -p $$";

    expect(await printed(script, asked)).toBe("5 3\nbest-effort: prio 6");
  });

  it("runs on the CPUs of an exec's process", async () => {
    const before = [["cpu-affinity", "0", "0"]] as const;
    const box = await BareContainer.create({
      command: ["grep", "Cpus_allowed_list", "/proc/self/status"],
      after: before,
    });
    expect(await box.start()).toBe("");

    expect(await box.written(box.pid)).toBe("Cpus_allowed_list:\t0\n");
  });

  it("has limits beyond its parent's, where root says so", async () => {
    const asked = { process: { rlimits: [{ type: "RLIMIT_MSGQUEUE", soft: 7, hard: 819_201 }] } };
    const running = printed("grep msgqueue /proc/self/limits", asked);

    const said = await running.catch((error: unknown) => String(error));

    expect(said).toMatch(
      hasCapability(CAP_SYS_RESOURCE)
        ? /\b7 +819201\b/
        : /rlimit: raise the limit msgqueue beyond \d+ \(errno 1\)/,
    );
  });

  it("is not executed without the label it is to have", async () => {
    const box = await BareContainer.begin({
      command: ["true"],
      before: [["label", "exec", "no such label"]],
    });

    expect(await box.expect("failed")).toMatchObject({
      step: "label",
      what: expect.stringContaining("/proc/self/attr/exec") as string,
    });
    await box.starter.ended;
  });

  it("has nodes, made where that may be and bound elsewhere", async () => {
    const devices = [
      { type: "c", path: "/dev/fuller", major: 1, minor: 7, fileMode: 0o640, uid: 1, gid: 2 },
      { type: "p", path: "/run/pipe", fileMode: 0o600 },
    ];
    const isRoot = hasCapability(CAP_MKNOD);
    const linux = { devices: isRoot ? devices : devices.slice(1) };
    const script = "stat -c '%F %a %u:%g %t,%T' /dev/null /dev/fuller /run/pipe; echo > /dev/null";

    const { output } = await runAsked(script, { linux });

    expect(output).toMatch(/character special file 666 \d+:\d+ 1,3\n/);
    expect(output).toMatch(/fifo 600 0:0 0,0\n/);
    expect(output.includes("character special file 640 1:2 1,7\n")).toBe(isRoot);
  });

  it.for(["idmap", "ridmap"])("has mounts whose owners are others: %s", async (option) => {
    const source = await temporaryFolder();
    chmodSync(source, 0o755);
    writeFileSync(join(source, "own"), "");
    const own = process.getuid?.() ?? 0;
    const lines = [{ containerID: own, hostID: 12_345, size: 1 }];
    const maps = { uidMappings: lines, gidMappings: [{ containerID: 0, hostID: 7, size: 1 }] };
    const mount = { destination: "/mapped", source, options: ["bind", "ro", option], ...maps };
    const running = printed("stat -c %u /mapped/own; touch /mapped/x 2>&1 | grep -c Read-only", {
      mounts: [mount],
    });

    const said = await running.catch((error: unknown) => String(error));

    expect(said).toMatch(
      hasCapability(CAP_SYS_ADMIN)
        ? /^12345\n1$/
        : /bind-mapped: map the ids of the mount on \/mapped: .* \(errno 1\)/,
    );
  });

  it("has mounts whose owners are those of its user namespace", async () => {
    const source = await temporaryFolder();
    chmodSync(source, 0o755);
    writeFileSync(join(source, "own"), "");
    const mount = { destination: "/mapped", source, options: ["rbind", "idmap"] };
    const line = { containerID: 0, hostID: 300_000, size: 65_536 };
    const namespaces = ["pid", "mount", "user"].map((type) => ({ type }));
    const isRoot = hasCapability(CAP_SYS_ADMIN);
    const running = printed("stat -c %u:%g /mapped/own; touch /mapped/new && echo made", {
      mounts: [mount],
      linux: { namespaces, ...(isRoot && { uidMappings: [line], gidMappings: [line] }) },
    });

    const said = await running.catch((error: unknown) => String(error));

    expect(said).toMatch(isRoot ? /^0:0\nmade$/ : /^Error: bind.*: map the ids of the mount/);
    expect(isRoot ? statSync(join(source, "new")).uid : 0).toBe(0);
  });

  it.for([
    [undefined, /^(?:master:\d+)?$/],
    ["private", /^$/],
    ["shared", /^shared:\d+( master:\d+)?$/],
    ["slave", /^(?:master:\d+)?$/],
    ["runbindable", /^unbindable$/],
  ] as const)("has a root that is %s", async ([rootfsPropagation, pattern]) => {
    const linux = rootfsPropagation === undefined ? {} : { rootfsPropagation };

    const lines = await printed(`awk '$5 == "/"' /proc/self/mountinfo`, { linux });

    expect(
      lines
        .replace(/ - .*$/, "")
        .split(" ")
        .slice(6)
        .join(" "),
    ).toMatch(pattern);
  });
});

describe.runIf(requireUserNamespaces())(
  "who answers the system calls of a bundle's process",
  () => {
    expectNothingLeft();

    const asking = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" };
    const ALLOW = { defaultAction: "SCMP_ACT_ALLOW" };

    /** It takes what it is sent, and no descriptor: then nobody answers, which the kernel says. */
    async function listen(path: string): Promise<{ server: Server; heard: Promise<string> }> {
      const server = createServer();
      const heard = new Promise<string>((resolve, reject) => {
        server.once("connection", (socket) => void text(socket).then(resolve, reject));
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      return { server, heard };
    }

    it.for([true, false])("is told who asks: no_new_privs %s", async (noNewPrivileges) => {
      const folder = await temporaryFolder();
      const { server, heard } = await listen(join(folder, "s"));
      const listenerPath = join(folder, "longer-than-an-address-".repeat(8));
      symlinkSync("s", listenerPath);
      const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"];
      const seccomp = { ...ALLOW, flags, listenerPath, listenerMetadata: "m", syscalls: [asking] };

      const { output } = await runAsked("mkdir /a; echo went on", {
        process: { noNewPrivileges },
        linux: { seccomp },
      });
      const told = JSON.parse(await heard) as { pid: number };
      server.close();

      expect(output).toContain("Function not implemented");
      expect(output).toContain("went on");
      expect(told).toEqual({
        ociVersion: "1.2.0",
        fds: ["seccompFd"],
        metadata: "m",
        pid: told.pid,
        state: { id: "bundle", status: "creating", pid: told.pid },
      });
      expect(told.pid).toBeGreaterThan(1);
    });

    it("has to be there", async () => {
      const listenerPath = join(await temporaryFolder(), "absent");
      const seccomp = { ...ALLOW, listenerPath, syscalls: [asking] };

      await expect(runAsked("true", { linux: { seccomp } })).rejects.toThrow(
        "seccomp-listener: open the seccomp listener",
      );
    });
  },
);
