import { closeSync, openSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../lib/api/run.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import type { RunOptions } from "../../lib/engine/options.ts";
import { testEngine } from "../helpers/engine.ts";
import { probeArchive } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type ProbeReport, parseAnswers, parseReport } from "../helpers/probe.ts";
import { requireUserNamespaces } from "../helpers/user-namespaces.ts";

const DOCKERS_CAPABILITIES = "00000000a80425fb";

describe.runIf(requireUserNamespaces())("a command in a container", () => {
  expectNothingLeft();

  let engine: Engine;

  beforeAll(async () => {
    engine = await testEngine();
    await engine.images.load(probeArchive());
  });

  it("has descriptors 0, 1 and 2, whatever this process has open", async () => {
    const open = Array.from({ length: 8 }, () => openSync("/", "r"));

    const { fds } = await report();

    for (const fd of open) closeSync(fd);
    expect(Object.keys(fds)).toEqual(["0", "1", "2"]);
    expect(fds["0"]).toBe("/dev/null");
  });

  it("starts with every signal at its default and none blocked", async () => {
    process.on("SIGUSR2", ignore);

    const { blocked, ignored } = await report();

    process.off("SIGUSR2", ignore);
    expect({ blocked, ignored }).toEqual({ blocked: [], ignored: [] });
  });

  it("has Docker's capabilities as root, and can gain them", async () => {
    const { status, uids, groups } = await report();

    expect(status).toMatchObject({
      CapInh: "0000000000000000",
      CapPrm: DOCKERS_CAPABILITIES,
      CapEff: DOCKERS_CAPABILITIES,
      CapBnd: DOCKERS_CAPABILITIES,
      CapAmb: "0000000000000000",
      NoNewPrivs: "0",
    });
    expect({ uids, groups }).toEqual({ uids: [0, 0, 0], groups: expect.any(Array) as unknown });
  });

  it("is the first process, of a session of its own, with a name of its own", async () => {
    const { pid, ppid, hostname, cwd, umask, env } = await report({
      name: "first",
      hostname: "oi",
    });

    expect({ pid, ppid, hostname, cwd, umask }).toEqual({
      pid: 1,
      ppid: 0,
      hostname: "oi",
      cwd: "/",
      umask: 0o022,
    });
    expect(env).toEqual(expect.arrayContaining(["HOSTNAME=oi", "HOME=/root"]));
  });

  it("has namespaces of its own, but for the network of the host when asked", async () => {
    const own = await namespacesOfThisProcess();

    const { namespaces } = await report();
    const { namespaces: onHost } = await report({ network: "host" });

    for (const kind of ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"]) {
      expect(namespaces[kind], kind).not.toBe(own[kind]);
    }
    expect(onHost["net"]).toBe(own["net"]);
    expect(onHost["ipc"]).not.toBe(own["ipc"]);
  });

  it("can be looked into by the container's other processes once it runs", async () => {
    const { dumpable } = await report();

    expect(dumpable).toBe(1); // the helper that went before was not
  });

  it("may not reach what belongs to the machine", async () => {
    const calls = ["mount", "umount-proc", "remount-root", "sethostname", "settime", "kmsg"];
    const more = ["mknod-null", "write-sysctl", "self-exe", "connect"];

    const answers = parseAnswers(await probe(["try", ...calls, ...more]));

    expect(answers).toEqual({
      mount: "EPERM",
      "umount-proc": "EPERM",
      "remount-root": "EPERM",
      sethostname: "EPERM",
      settime: "EPERM",
      kmsg: "ENOENT",
      "mknod-null": "EPERM",
      "write-sysctl": expect.stringMatching(/^(EROFS|EACCES)$/) as string, // the owner comes first
      "self-exe": "ETXTBSY",
      connect: "ENETUNREACH",
    });
  });

  it("may do what an image's root is used to", async () => {
    const calls = ["chroot", "mknod-fifo", "loopback", "bind-80", "raw-socket"];

    const answers = parseAnswers(await probe(["try", ...calls]));

    expect(Object.values(answers)).toEqual(calls.map(() => "ok"));
  });

  it("sees files that it writes through /dev/stdout arrive", async () => {
    const printed = await probe(["write", "/dev/stdout", "by its path\n"]);

    expect(printed).toContain("by its path\n");
  });

  it("leaves nothing running when it ends before its children", async () => {
    const { exitCode } = await run("probe", ["probe", "orphan", "--", "exit", "3"], options());

    expect(exitCode).toBe(3);
  });

  it("can read of /proc what is its own, and no more", async () => {
    const names = (await probe(["ls", "/proc"])).split("\n").filter((name) => /^\d+$/.test(name));

    expect(names).toEqual(["1"]);
    expect(await probe(["cat", "/proc/keys"])).toMatch(/^(ENOENT\n)?$/); // not every kernel has keys
  });

  function options(more: RunOptions = {}): RunOptions & { engine: Engine } {
    return { engine, remove: true, network: "none", ...more };
  }

  async function probe(verbs: readonly string[], more: RunOptions = {}): Promise<string> {
    const { stdout, stderr } = await run("probe", ["probe", ...verbs], options(more));
    expect(stderr).toBe("");
    return stdout;
  }

  async function report(more: RunOptions = {}): Promise<ProbeReport> {
    return parseReport(await probe(["report"], more));
  }
});

async function namespacesOfThisProcess(): Promise<Readonly<Record<string, string>>> {
  const { readlink } = await import("node:fs/promises");
  const kinds = ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"];
  const links = await Promise.all(kinds.map((kind) => readlink(`/proc/self/ns/${kind}`)));
  return Object.fromEntries(kinds.map((kind, at) => [kind, links[at] ?? ""]));
}

function ignore(): void {}
