import { readFileSync, readlinkSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { isMarmitaError } from "../../lib/errors.ts";
import { busyboxEngine } from "../helpers/engine.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { hostCannot, requireUserNamespaces } from "../helpers/user-namespaces.ts";

const canRun = requireUserNamespaces();
expectNothingLeft();

describe.runIf(canRun)("what confines a container", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await busyboxEngine();
  });

  const sh = async (script: string, options: RunOptions = {}) => {
    const result = await engine.containers.run("busybox", ["sh", "-c", script], {
      remove: true,
      ...options,
    });
    expect(result.stderr).toBe("");
    return result.stdout.trim();
  };
  const lines = async (script: string, options?: RunOptions) =>
    (await sh(script, options)).split("\n");

  it("limits resources, each by its own name", async () => {
    const ulimits = {
      nofile: { soft: 50, hard: 60 },
      core: 0,
      nproc: 4_000,
      stack: { soft: 1 << 20, hard: 2 << 20 },
      as: 1 << 30,
      cpu: 7,
      fsize: 1 << 20,
      data: 1 << 29,
      rss: 1 << 28,
      memlock: 4_096,
      locks: 9,
      sigpending: 100,
      msgqueue: 1_000,
      nice: 0,
      rtprio: 0,
      rttime: 5_000,
    };

    const limits = await sh("cat /proc/self/limits", { ulimits });

    const shown = (name: string) =>
      new RegExp(`^Max ${name} +(\\d+) +(\\d+)`, "m").exec(limits)?.slice(1);
    expect(shown("open files")).toEqual(["50", "60"]);
    expect(shown("core file size")).toEqual(["0", "0"]);
    expect(shown("processes")).toEqual(["4000", "4000"]);
    expect(shown("stack size")).toEqual([String(1 << 20), String(2 << 20)]);
    expect(shown("address space")).toEqual([String(1 << 30), String(1 << 30)]);
    expect(shown("cpu time")).toEqual(["7", "7"]);
    expect(shown("file size")).toEqual([String(1 << 20), String(1 << 20)]);
    expect(shown("data size")).toEqual([String(1 << 29), String(1 << 29)]);
    expect(shown("resident set")).toEqual([String(1 << 28), String(1 << 28)]);
    expect(shown("locked memory")).toEqual(["4096", "4096"]);
    expect(shown("file locks")).toEqual(["9", "9"]);
    expect(shown("pending signals")).toEqual(["100", "100"]);
    expect(shown("msgqueue size")).toEqual(["1000", "1000"]);
    expect(shown("nice priority")).toEqual(["0", "0"]);
    expect(shown("realtime priority")).toEqual(["0", "0"]);
    expect(shown("realtime timeout")).toEqual(["5000", "5000"]);
  });

  it("sets limits that the start itself would not survive", async () => {
    expect(await sh("ulimit -n; ulimit -f", { ulimits: { nofile: 4, fsize: 0 } })).toBe("4\n0");
  });

  it("says why a limit cannot be raised", async () => {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const hard = Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1]);

    const running = sh("true", { ulimits: { nofile: hard + 1 } });

    await expect(running).rejects.toMatchObject({
      code: "START_FAILED",
      step: "rlimit",
      message: expect.stringContaining(`raise the limit nofile beyond ${hard}`),
      hint: expect.stringContaining("hard limit"),
    });
  });

  it("adjusts what the kernel kills first", async () => {
    expect(await sh("cat /proc/self/oom_score_adj", { oomScoreAdj: 777 })).toBe("777");
  });

  it("says why it cannot be killed later than its caller", async (context) => {
    const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    if (own === -1000) context.skip(hostCannot("have a lower score", "it is the lowest already"));

    await expect(sh("true", { oomScoreAdj: own - 1 })).rejects.toMatchObject({
      code: "START_FAILED",
      step: "oom-score-adj",
      hint: expect.stringContaining(`the calling process (${own})`),
    });
  });

  it("sets what belongs to its own namespaces", async () => {
    const sysctls = { "net.ipv4.ip_default_ttl": "42", "kernel.domainname": "inner.example" };
    const script = "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/domainname";

    expect(await sh(script, { sysctls })).toBe("42\ninner.example");
    expect(readFileSync("/proc/sys/kernel/domainname", "utf8")).not.toContain("inner");
  });

  it("sets what belongs to its ipc namespace, or says from when on it can", async () => {
    const sysctls = { "kernel.msgmax": "5000" };
    const hint = (error: unknown) => (isMarmitaError(error) ? error.hint : String(error));

    const outcome = await sh("cat /proc/sys/kernel/msgmax", { sysctls }).catch(hint);

    expect(outcome).toMatch(/^5000$|from Linux 6\.9/);
  });

  it("has the names it was given", async () => {
    const names = await sh("hostname; cat /proc/sys/kernel/domainname", {
      hostname: "inner",
      domainname: "example.org",
    });

    expect(names).toBe("inner\nexample.org");
    expect(await sh("hostname", { uts: "host" })).toBe(hostname());
  });

  it("has as much of /dev/shm as was asked for", async () => {
    const size = "df -k /dev/shm | awk 'END { print $2 }'";

    expect(await sh(size)).toBe("65536");
    expect(await sh(size, { shmSizeBytes: 1 << 20 })).toBe("1024");
    expect(await sh("mount | grep -c /dev/shm; true", { ipc: "none" })).toBe("0");
  });

  it("shares this machine's queues and segments when asked", async () => {
    const own = "readlink /proc/self/ns/ipc";
    const shared = await lines(`${own}; mount | grep -c 'on /dev/mqueue'; true`, { ipc: "host" });

    expect(shared).toEqual([`ipc:[${inodeOf("ipc")}]`, "0"]);
    expect(await sh(own)).not.toContain(inodeOf("ipc"));
  });

  it("sees this machine's processes when asked, and takes its own along when it ends", async () => {
    const script = `readlink /proc/self/ns/pid; kill -0 ${process.pid} && echo seen; setsid sleep 4321 &`;

    const seen = await lines(`${script} echo $!`, { pid: "host" });

    expect(seen.slice(0, 2)).toEqual([`pid:[${inodeOf("pid")}]`, "seen"]);
    expect(() => process.kill(Number(seen[2]), 0)).toThrow("ESRCH");
    const look = `cat /proc/${process.pid}/environ; ls /proc/${process.pid}/root`;
    const masked = `echo 1 > /proc/sys/kernel/panic; wc -c < /proc/keys; ${look}`;
    const { stdout, stderr } = await engine.containers.run("busybox", ["sh", "-c", masked], {
      pid: "host",
      remove: true,
    });
    expect(stdout.trim()).toBe("0");
    expect(stderr).toContain("Read-only file system");
    expect(stderr).toMatch(/environ.*Permission denied\n.*root: Permission denied/);
  });

  it("shares this machine's control groups when asked", async () => {
    const own = "readlink /proc/self/ns/cgroup";

    expect(await sh(own, { cgroupns: "host" })).toContain(inodeOf("cgroup"));
    expect(await sh(own)).not.toContain(inodeOf("cgroup"));
    expect(await sh("mkdir /sys/fs/cgroup/x 2>/dev/null || echo no", { cgroupns: "host" })).toBe(
      "no",
    );
  });

  it("has the groups it was given, by number and by name", async (context) => {
    if ((await engine.info()).ids === "single") {
      context.skip(hostCannot("give other groups", "one id only is mapped"));
    }
    const groups = await sh("id -G", { groupAdd: ["44", "root", "7"] });

    expect(groups.split(" ").sort()).toEqual(["0", "44", "7"].sort());
    await expect(sh("id", { groupAdd: ["nobody-knows"] })).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("nobody-knows"),
    });
  });

  it("keeps the groups of its caller when asked", async () => {
    const groups = (text: string) => /^Groups:(.*)$/m.exec(text)?.[1]?.match(/\d+/g) ?? [];
    const outside = groups(readFileSync("/proc/self/status", "utf8"));

    const inside = groups(await sh("cat /proc/self/status", { groupAdd: ["keep-groups"] }));

    expect(inside).toHaveLength(outside.length);
  });

  it("makes files as the umask says", async () => {
    const script = "touch /tmp/x; stat -c %a /tmp/x; umask";

    expect(await sh(script)).toBe("644\n0022");
    expect(await sh(script, { umask: 0o77 })).toBe("600\n0077");
    expect(await sh(script, { umask: 0 })).toBe("666\n0000");
  });

  it("has devices of this machine that its caller may open", async () => {
    const devices = [{ source: "/dev/zero", target: "/dev/nothing/zero" }];
    const script =
      "head -c 3 /dev/nothing/zero | wc -c; echo x > /dev/nothing/zero && echo written";

    expect(await sh(script, { devices })).toBe("3\nwritten");
    const change = "chmod 600 /dev/nothing/zero 2>&1 | grep -o 'Read-only file system'";
    expect(await sh(change, { devices })).toBe("Read-only file system");
  });

  it("has all devices of a directory", async () => {
    const folder = await temporaryFolder();
    await symlink("/dev/null", join(folder, "link"));
    const devices = [{ source: "/dev/net", target: "/dev/tunnels" }];

    expect(await sh("cd /dev/tunnels && ls", { devices })).toBe("tun");
    await expect(sh("true", { devices: [{ source: folder }] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("no devices in directory"),
    });
  });

  it.each([
    ["is none", "/etc/passwd", "INVALID_ARGUMENT"],
    ["is not there", "/dev/no-such", "INVALID_ARGUMENT"],
  ])("refuses a device that %s", async (_, source, code) => {
    await expect(sh("true", { devices: [{ source }] })).rejects.toMatchObject({ code });
  });

  it("has room to write in a root that is read-only", async () => {
    const script =
      "for d in / /run /tmp /var/tmp /dev/shm; do touch $d/x 2>/dev/null && echo $d; done";

    expect(await lines(script, { readOnly: true })).toEqual(["/dev/shm"]);
    expect(await lines(script, { readOnly: true, readOnlyTmpfs: true })).toEqual([
      "/run",
      "/tmp",
      "/var/tmp",
      "/dev/shm",
    ]);
    const program = "cp /bin/busybox /tmp/ls && /tmp/ls -d /tmp";
    expect(await sh(program, { readOnly: true, readOnlyTmpfs: true })).toBe("/tmp");
  });

  it("is of the platform that was asked for", async () => {
    const here = process.arch === "arm64" ? "arm64" : "amd64";
    const other = here === "arm64" ? "amd64" : "arm64";

    expect(await sh("echo x", { platform: `linux/${here}` })).toBe("x");
    await expect(sh("true", { platform: `linux/${other}` })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining(`linux/${here}`),
    });
  });

  it("is told by inspect as Docker tells it", async () => {
    const container = await engine.containers.create({
      image: "busybox",
      ulimits: { nofile: { soft: 5, hard: -1 } },
      oomScoreAdj: 5,
      sysctls: { "net.x.y": "1" },
      ipc: "none",
      uts: "host",
      cgroupns: "host",
      umask: 0o27,
      stopSignal: "SIGINT",
      stopTimeoutMs: 1_500,
      annotations: { a: "b" },
    });
    const { HostConfig, Config } = await container.inspect();

    expect(HostConfig).toMatchObject({
      Ulimits: [{ Name: "nofile", Soft: 5, Hard: -1 }],
      OomScoreAdj: 5,
      Sysctls: { "net.x.y": "1" },
      IpcMode: "none",
      UTSMode: "host",
      PidMode: "",
      CgroupnsMode: "host",
      Annotations: { a: "b" },
    });
    expect(Config).toMatchObject({ Umask: "0027", StopSignal: "SIGINT", StopTimeout: 2 });
    await container.remove();
  });
});

/** The number in `ipc:[4026531839]`. */
function inodeOf(type: string): string {
  return /\d+/.exec(readlinkSync(`/proc/self/ns/${type}`))?.[0] ?? "";
}
