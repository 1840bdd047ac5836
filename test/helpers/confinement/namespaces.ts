/** Rows of the namespaces: what of the machine a container cannot see, reach or change. */
import { BIND, type Operation } from "../../../lib/native/plan.ts";
import { type Loosening, type Section, UNCONFINED, addCapability, both } from "./row.ts";

function shared(option: "ipc" | "uts" | "cgroupns"): Loosening {
  return { words: `\`${option}: "host"\``, options: { [option]: "host" } };
}

const CLONE_NEWPID = 0x2000_0000;

/** The machine's processes, and its /proc with them. */
const PIDS: Loosening = {
  words: "the machine's pid namespace and /proc",
  plan: (plan) => {
    const isProc = (one: Operation) => one[0] === "mount" && one[1] === "proc";
    return plan.map((one): Operation => {
      if (one[0] === "namespaces") return [one[0], Number(one[1]) - CLONE_NEWPID];
      return isProc(one) ? ["bind", "/proc", "/proc", BIND.RECURSIVE] : one;
    });
  },
};

const SIGNAL_NONE = "0";
const PTRACE_SEIZE = "0x4206";

const HOST_NETWORK: Loosening = { words: '`network: "host"`', options: { network: "host" } };

export const NAMESPACES: Section = {
  title: "namespaces",
  file: "confinement-namespaces.test.ts",
  rows: [
    {
      name: "user namespace",
      keepsOut: "every right of root over the machine",
      by: "made for each container, inside the caller's mapped one",
      tries: ["set-clock"],
      beside: addCapability("CAP_SYS_TIME"),
      answer: "EPERM",
      why: "no container is made without: capabilities count in it only",
    },
    {
      name: "mount namespace",
      keepsOut: "the machine's files",
      by: "an own tree of mounts, entered by pivot_root; the machine's is let go",
      tries: ["peek", "{folder}/secret"],
      answer: "ENOENT",
      without: {
        words: "`mounts`: its folder",
        options: { mounts: [{ type: "bind", source: "{folder}", target: "{folder}" }] },
      },
      otherwise: "bytes",
    },
    {
      name: "pid namespace: signals",
      keepsOut: "ending or stopping the caller's other processes",
      by: "made for each container",
      tries: ["syscall", "kill", "{pid}", SIGNAL_NONE],
      answer: "ESRCH",
      without: PIDS,
      otherwise: "ok",
    },
    {
      name: "pid namespace: tracing",
      keepsOut: "reading and changing the memory of the caller's other processes",
      by: "made for each container",
      tries: ["syscall", "ptrace", PTRACE_SEIZE, "{pid}", "0", "0"],
      answer: "ESRCH",
      without: PIDS,
      otherwise: "EPERM",
      why: "by the user namespace",
    },
    {
      name: "pid namespace: /proc",
      keepsOut: "environment, files and memory of the caller's other processes",
      by: "a /proc of the container's own pid namespace",
      tries: ["peek", "/proc/{pid}/environ"],
      answer: "ENOENT",
      without: PIDS,
      otherwise: ["EACCES", "EPERM"],
      why: "by the user namespace",
    },
    {
      name: "ipc namespace",
      keepsOut: "shared memory, semaphores and queues of the machine",
      by: "made for each container",
      tries: ["syscall", "shmget", "{segment}", "0", "0"],
      answer: "ENOENT",
      without: shared("ipc"),
      otherwise: "ok",
    },
    {
      name: "uts namespace",
      keepsOut: "a change of the machine's name",
      by: "made for each container",
      tries: ["syscall", "sethostname", "probe", "5"],
      byDefault: "EPERM",
      beside: both(UNCONFINED, addCapability("CAP_SYS_ADMIN")),
      answer: "ok",
      without: shared("uts"),
      otherwise: "EPERM",
      why: "the name is its own by default, and the machine's then: the user namespace denies that",
    },
    {
      name: "network namespace: loopback",
      keepsOut: "what listens on the machine's loopback addresses",
      by: "made for each container, with a loopback of its own",
      tries: ["connect-tcp", "127.0.0.1", "{port}"],
      answer: "ECONNREFUSED",
      without: HOST_NETWORK,
      otherwise: "ok",
    },
    {
      name: "network namespace: abstract sockets",
      keepsOut: "programs that listen on abstract sockets, such as a session bus (CVE-2020-15257)",
      by: "made for each container",
      tries: ["connect-abstract", "{abstract}"],
      answer: "ECONNREFUSED",
      without: HOST_NETWORK,
      otherwise: "ok",
    },
    {
      name: "cgroup namespace",
      keepsOut: "names of the machine's cgroups",
      by: "made for each container",
      tries: ["cgroups"],
      answer: "own",
      without: shared("cgroupns"),
      otherwise: "the machine's",
      needs: { cgroup: true },
    },
  ],
};
