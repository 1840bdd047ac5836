import { describe, expect, it } from "vitest";
import { checkCreateOptions } from "../../../lib/engine/checks.ts";
import { confinementOf } from "../../../lib/engine/confinement-checks.ts";

const check = (options: object) => {
  Reflect.apply(checkCreateOptions, undefined, [{ image: "busybox", ...options }]);
};

describe("options that confine a container", () => {
  it("are accepted, all there are", () => {
    const options = {
      domainname: "example.org",
      ulimits: { nofile: 5, core: { soft: 0, hard: Infinity }, nproc: -1 },
      oomScoreAdj: 500,
      sysctls: { "net.core.somaxconn": "5", "kernel.msgmax": "9" },
      pid: "private",
      ipc: "shareable",
      uts: "private",
      cgroupns: "host",
      groupAdd: ["audio", "5"],
      umask: 0o77,
      stopSignal: "SIGRTMIN+3",
      stopTimeoutMs: 100,
      annotations: { "org.example": "x" },
      shmSizeBytes: 1,
    };

    expect(() => check(options)).not.toThrow();
  });

  it.each([
    ["a limit nobody knows", { ulimits: { mood: 5 } }, "limits of cpu, fsize"],
    ["a limit by a word", { ulimits: { nofile: "5" } }, "ulimits.nofile"],
    ["half a limit", { ulimits: { nofile: { soft: 5 } } }, "ulimits.nofile.hard"],
    ["a soft limit above", { ulimits: { nofile: { soft: 5, hard: 4 } } }, "at most the hard one"],
    ["a score too high", { oomScoreAdj: 1001 }, "from -1000 to 1000"],
    ["a setting of the machine", { sysctls: { "vm.swappiness": "5" } }, "is not allowed"],
    ["a setting that is a path", { sysctls: { "net/../kernel/panic": "5" } }, "is not allowed"],
    ["a setting by number", { sysctls: { "net.x": 5 } }, 'expected "sysctls.net.x"'],
    ["a mode of no namespace", { pid: "nope" }, '"private" or "host" or "container:<name or id>"'],
    ["a container that is a path", { ipc: "container:../x" }, 'got "container:../x"'],
    ["a umask with more than permissions", { umask: 0o1777 }, "permission bits"],
    ["a signal nobody knows", { stopSignal: "SIGNOPE" }, "a signal's name or number"],
    [
      "an annotation that steers crun",
      { annotations: { "run.oci.handler": "x" } },
      "run.oci.handler",
    ],
    ["no memory", { shmSizeBytes: 0 }, "bytes from 1"],
    ["a device without a source", { devices: [{ target: "/x" }] }, "devices[0].source"],
    ["a relative device", { devices: [{ source: "dev/x" }] }, "an absolute path"],
    ["a device by text", { devices: ["/dev/fuse"] }, "devices[0]"],
    ["a platform of five parts", { platform: "a/b/c/d/e" }, "os/arch[/variant]"],
    ["a group with a colon", { groupAdd: ["a:b"] }, "names or numbers of groups"],
    ["keep-groups and more", { groupAdd: ["keep-groups", "5"] }, "excludes other groups"],
    [
      "a name on the machine's",
      { uts: "host", hostname: "x" },
      "machine name of the container's own",
    ],
    [
      "a size of the machine's",
      { ipc: "host", shmSizeBytes: 5 },
      "/dev/shm of the container's own",
    ],
    [
      "a setting of the machine's network",
      { network: "host", sysctls: { "net.core.somaxconn": "5" } },
      "needs a namespace of the container's own",
    ],
    [
      "a setting of the machine's ipc",
      { ipc: "host", sysctls: { "kernel.sem": "5" } },
      "needs a namespace of the container's own",
    ],
  ])("are refused: %s", (_what, options, words) => {
    expect(() => check(options)).toThrow(words);
  });

  it("are recorded apart from others, without what JSON cannot hold", () => {
    const options = { name: "x", ulimits: { core: Infinity, nofile: { soft: 1, hard: Infinity } } };

    expect(confinementOf(options)).toEqual({
      ulimits: { core: -1, nofile: { soft: 1, hard: -1 } },
    });
  });
});
